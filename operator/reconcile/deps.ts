/** What a reconcile works with. */
import type { RenderConfig } from '../api/observed.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Kube } from '../kube/kube.ts';
import type { ObserveDeps } from '../observe/deps.ts';
import { DeletedRevisions } from '../observe/deletedRevisions.ts';
import { EndpointKeys } from '../observe/endpointKeys.ts';
import { PortAllocator } from '../observe/portAllocator.ts';
import { ScriptStore } from '../observe/scriptStore.ts';
import { UsageGracePeriod } from './usageGracePeriod.ts';

export interface Deps extends Omit<ObserveDeps, 'kube' | 'keys'> {
  kube: Pick<Kube, 'client' | 'caches' | 'cached' | 'cacheWrite' | 'evict' | 'omitted'>;
  events: Pick<EventRecorder, 'publish'>;
  keys: Pick<EndpointKeys, 'read' | 'create' | 'forget'>;
  usageGrace: UsageGracePeriod;
  config: RenderConfig;
}

/** Deps with empty memories: whatever they hold can be read again. */
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
