/** What a reconcile works with. */
import type { RenderConfig } from '../api/observed.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Kube } from '../kube/kube.ts';
import { EndpointKeys } from './endpointKeys.ts';
import type { Scorers } from '../scorers/stats.ts';
import { DeletedRevisions } from './deletedRevisions.ts';
import { UsageGracePeriod } from './usageGracePeriod.ts';
import { PortAllocator } from './portAllocator.ts';
import { ScriptStore } from './scriptStore.ts';

export interface Deps {
  kube: Pick<Kube, 'client' | 'caches' | 'cached' | 'cacheWrite' | 'evict' | 'omitted'>;
  events: Pick<EventRecorder, 'publish'>;
  keys: EndpointKeys;
  scripts: ScriptStore;
  deletedRevisions: DeletedRevisions;
  usageGrace: UsageGracePeriod;
  ports: PortAllocator;
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
    keys: new EndpointKeys(client),
    scripts: new ScriptStore(client),
    deletedRevisions: new DeletedRevisions(caches),
    usageGrace: new UsageGracePeriod(),
    ports: new PortAllocator(caches.endpointSlices),
    now: Date.now,
  };
}
