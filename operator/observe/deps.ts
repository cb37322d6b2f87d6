/** What a reconcile reads with. */
import type { RenderConfig } from '../api/renderConfig.ts';
import type { Kube } from '../caches/kube.ts';
import type { Scorers } from '../scorers/stats.ts';
import type { DeletedRevisions } from './deletedRevisions.ts';
import type { EndpointKeys } from './endpointKeys.ts';
import type { PortAllocator } from './portAllocator.ts';
import type { ScriptStore } from './scriptStore.ts';

export interface ObserveDeps {
  kube: Pick<Kube, 'client' | 'caches'>;
  keys: Pick<EndpointKeys, 'read' | 'forget'>;
  scripts: Pick<ScriptStore, 'script' | 'text' | 'forget'>;
  deletedRevisions: Pick<DeletedRevisions, 'get'>;
  ports: Pick<PortAllocator, 'port' | 'forget'>;
  scorers: Pick<Scorers, 'idleness' | 'warning'>;
  config: Pick<RenderConfig, 'python'>;
  /** Why an autoscaler cannot read the concurrency of pods; undefined where it can. */
  noConcurrency: () => string | undefined;
  /** Milliseconds since the epoch. */
  now: () => number;
}
