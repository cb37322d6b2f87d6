/** What a reconcile works with. */
import type { RenderConfig } from '../api/renderConfig.ts';
import type { EventRecorder } from '@penstock/kube/client/events';
import type { Key } from '@penstock/kube/api/keys';
import type { Kube } from '../caches/kube.ts';
import type { ObserveDeps } from '../observe/deps.ts';
import { DeletedRevisions } from '../observe/deletedRevisions.ts';
import { EndpointKeys } from '../observe/endpointKeys.ts';
import { PortAllocator } from '../observe/portAllocator.ts';
import { ScriptStore } from '../observe/scriptStore.ts';
import { RefreshSlots } from './refreshSlots.ts';
import type { LogLine } from './rolloutSteps.ts';
import { UsageGracePeriod } from './usageGracePeriod.ts';

export interface Deps extends Omit<ObserveDeps, 'kube' | 'keys'> {
  kube: Pick<Kube, 'client' | 'caches' | 'cached' | 'cacheWrite' | 'evict' | 'omitted'>;
  events: Pick<EventRecorder, 'publish'>;
  keys: Pick<EndpointKeys, 'read' | 'create' | 'forget' | 'updated' | 'pipelines' | 'hasChanged'>;
  usageGrace: UsageGracePeriod;
  refreshes: RefreshSlots;
  config: RenderConfig;
  /** Logs a step of a reconcile; the controller adds the key. */
  log: (line: LogLine) => void;
}

/** Deps with empty memories. All that they hold can be read again from the cluster. */
export function newDeps({
  refreshes,
  ...given
}: Pick<Deps, 'kube' | 'config' | 'events' | 'noConcurrency' | 'scorers' | 'log'> & {
  refreshes: { most: number; onFree: (pipeline: Key) => void };
}): Deps {
  const { client, caches } = given.kube;
  return {
    ...given,
    keys: new EndpointKeys(client),
    scripts: new ScriptStore(client),
    deletedRevisions: new DeletedRevisions(caches),
    usageGrace: new UsageGracePeriod(),
    refreshes: new RefreshSlots(refreshes.most, refreshes.onFree),
    ports: new PortAllocator(caches.endpointSlices),
    now: Date.now,
  };
}
