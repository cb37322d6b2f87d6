/** What a reconcile works with. */
import type { RenderConfig } from '../api/observed.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Kube } from '../kube/kube.ts';
import { KeyStore } from './keyStore.ts';
import type { Scorers } from '../scorers/stats.ts';
import { LostRevisions } from './lostRevisions.ts';
import { MarkingWatch } from './markingWatch.ts';
import { PortBook } from './portBook.ts';
import { ScriptStore } from './scriptStore.ts';

export interface Deps {
  kube: Pick<Kube, 'client' | 'caches' | 'child' | 'remember' | 'forget' | 'unseen'>;
  events: Pick<EventRecorder, 'publish'>;
  keys: KeyStore;
  scripts: ScriptStore;
  lost: LostRevisions;
  marking: MarkingWatch;
  ports: PortBook;
  scorers: Pick<Scorers, 'idleness' | 'warning'>;
  config: RenderConfig;
  /** Why the autoscaler cannot be told the concurrency of pods; undefined where it can. */
  noConcurrency: () => string | undefined;
  now: () => number;
}

/** Deps whose memories are empty: whatever they hold can be read again. */
export function newDeps(given: Pick<Deps, 'kube' | 'config' | 'events' | 'noConcurrency' | 'scorers'>): Deps {
  const { client, caches } = given.kube;
  return {
    ...given,
    keys: new KeyStore(client),
    scripts: new ScriptStore(client),
    lost: new LostRevisions(caches),
    marking: new MarkingWatch(),
    ports: new PortBook(caches.endpointSlices),
    now: Date.now,
  };
}
