/** The queues of the controllers. */
import { joinKey } from '@penstock/kube/api/keys';
import type { Cache } from '@penstock/kube/cache/cache';
import type { KubeObject } from '@penstock/kube/api/objects';
import { WorkQueue } from '@penstock/kube/controller/workqueue';
import type { OperatorMetrics } from './metrics.ts';

/** The controllers, and their names in logs and metrics. */
export const KINDS = { pipelines: 'pipeline', modelVersions: 'modelversion' } as const;
export type Controller = keyof typeof KINDS;
export type Queues = Record<Controller, WorkQueue>;
export const CONTROLLERS = Object.keys(KINDS) as Controller[];

/** How long keys wait in them is a metric. */
export function newQueues({ queueWait }: Pick<OperatorMetrics, 'queueWait'>): Queues {
  const queue = (controller: string): WorkQueue =>
    new WorkQueue({ onGet: (ms) => queueWait.observe({ controller }, ms / 1000) });
  return { pipelines: queue(KINDS.pipelines), modelVersions: queue(KINDS.modelVersions) };
}

/** Resync: reconciles every object, spread over `withinMs`, in case a watch missed an event. */
export function enqueueAll(
  caches: Record<Controller, Pick<Cache<KubeObject>, 'values'>>,
  queues: Record<Controller, Pick<WorkQueue, 'addAfter'>>,
  withinMs: number,
): void {
  for (const name of CONTROLLERS)
    for (const { metadata } of caches[name].values())
      queues[name].addAfter(joinKey(metadata.namespace ?? '', metadata.name), Math.random() * withinMs);
}
