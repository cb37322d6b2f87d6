/** What a reconcile works with. */
import type { RenderConfig } from '../api/observed.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Kube } from '../kube/kube.ts';
import type { KeyStore } from './keyStore.ts';
import type { ScriptStore } from './scriptStore.ts';

export interface Deps {
  kube: Kube;
  events: EventRecorder;
  keys: KeyStore;
  scripts: ScriptStore;
  config: RenderConfig;
  now: () => number;
}
