/** Health checks of the operator, and the gauges that are set before each scrape. */
import { isAborted } from '@penstock/kube/client/signals';
import type { HealthRoutes } from '@penstock/server/healthServer';
import type { Kube } from './caches/kube.ts';
import type { OperatorMetrics } from './metrics.ts';
import { CONTROLLERS, KINDS, type Queues } from './queues.ts';

const WATCH_SILENCE_MS = 600_000;
const RECONCILE_STUCK_MS = 300_000;

/** A blocked event loop answers no probe, which the kubelet counts as a failure. */
export function healthRoutes(
  kube: Pick<Kube, 'msSinceLastEvent' | 'synced'> & { caches: Pick<Kube['caches'], 'pipelines'> },
  queues: Record<keyof Queues, Pick<Queues['pipelines'], 'depth' | 'longestWorkMs'>>,
  { metrics, signal, scorerImage }: { metrics: OperatorMetrics; signal: AbortSignal; scorerImage: string },
): Omit<HealthRoutes, 'registry'> {
  const checks = {
    '/healthz': () => {
      if (kube.msSinceLastEvent > WATCH_SILENCE_MS)
        return `no event from the API server for ${Math.round(kube.msSinceLastEvent / 1000)} s`;
      const stuck = Math.max(queues.pipelines.longestWorkMs, queues.modelVersions.longestWorkMs);
      return stuck > RECONCILE_STUCK_MS ? `a reconcile has been running for ${Math.round(stuck / 1000)} s` : undefined;
    },
    // The metrics API does not count: its certificate comes from the leader, which may be of an older release during an
    // upgrade.
    '/readyz': () => {
      if (isAborted(signal)) return 'ending';
      return kube.synced ? undefined : 'caches are not filled yet';
    },
  };
  const beforeScrape = (): void => {
    for (const name of CONTROLLERS) {
      metrics.queueDepth.set({ controller: KINDS[name] }, queues[name].depth);
      metrics.longestWork.set({ controller: KINDS[name] }, queues[name].longestWorkMs / 1000);
    }
    const images = [...kube.caches.pipelines.values()].flatMap(({ status }) => status?.scorerImage ?? []);
    metrics.behind.set(images.filter((image) => image !== scorerImage).length);
  };
  return { checks, beforeScrape };
}
