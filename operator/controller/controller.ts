/** Workers that take keys from a queue and reconcile them, one worker per key at a time. Knows none of our kinds. */
import type { Logger } from 'winston';
import type { Key, Result } from '../api/flow.ts';
import type { OperatorMetrics } from '../observability/metrics.ts';
import { KubeError } from '../kube/errors.ts';
import type { WorkQueue } from '../queue/workqueue.ts';

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  reconcile: (key: Key) => Promise<Result>;
  workers: number;
  logger: Logger;
  metrics: OperatorMetrics;
}

/** Runs until the queue is shut down; resolves when every running reconcile has ended. */
export async function runController(options: ControllerOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => work(options)));
}

async function work({ name, queue, reconcile, logger, metrics }: ControllerOptions): Promise<void> {
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    const end = metrics.reconcileDuration.startTimer({ controller: name });
    const result = await reconcile(key).catch((error: unknown): Result => ({ next: 'retry', error: error instanceof Error ? error : new Error(String(error)) }));
    end();
    metrics.reconciles.inc({ controller: name, result: result.next });
    if (result.next === 'retry') retry(queue, key, result.error, logger);
    else queue.forget(key);
    if (result.next === 'after') queue.addAfter(key, result.ms);
    queue.done(key);
  }
}

/** A conflict is an everyday race and not worth a line; Retry-After is obeyed. */
function retry(queue: WorkQueue, key: Key, error: Error, logger: Logger): void {
  if (!(error instanceof KubeError && error.code === 409)) logger.warn('reconcile failed, will retry', { key, error: error.message, ...(error instanceof KubeError ? {} : { stack: error.stack }) });
  if (error instanceof KubeError && error.retryAfterMs !== undefined) queue.addAfter(key, error.retryAfterMs);
  else queue.retry(key);
}
