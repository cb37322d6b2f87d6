/** Workers that take keys from a queue and reconcile them, one worker per key at a time. Independent of any kind. */
import type { Logger } from 'winston';
import { isRace, type Key, type Result } from '../api/flow.ts';
import type { OperatorMetrics } from '../observability/metrics.ts';
import { KubeError } from '../kube/errors.ts';
import { NotLeading } from '../kube/fence.ts';
import type { FailureClass } from '../queue/backoff.ts';
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
    const result = await reconcile(key).catch((error: unknown): Result => ({
      next: 'retry',
      error: error instanceof Error ? error : new Error(String(error)),
    }));
    end();
    metrics.reconciles.inc({ controller: name, result: result.next });
    if (result.next === 'retry') {
      const failure = failureClass(result.error);
      metrics.retries.inc({ controller: name, failure });
      retry(queue, key, { error: result.error, failure, logger });
    } else queue.forget(key);
    if (result.next === 'after') queue.addAfter(key, result.ms);
    queue.done(key);
  }
}

const NETWORK = /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND)/;

/** The kind of a failure, which decides the back-off. */
export function failureClass(error: Error): FailureClass {
  if (isRace(error) || error instanceof NotLeading) return 'conflict'; // a lease that is lost ends the process; one that is renewed late is kept
  if (error instanceof KubeError) return error.code === 429 || error.code >= 500 ? 'overloaded' : 'failed';
  return error.name === 'TimeoutError' || NETWORK.test((error as { code?: string }).code ?? '')
    ? 'overloaded'
    : 'failed';
}

/** Retries every failure, because no event would report it again. Retry-After is obeyed. A conflict is not logged. */
function retry(
  queue: WorkQueue,
  key: Key,
  { error, failure, logger }: { error: Error; failure: FailureClass; logger: Logger },
): void {
  if (failure !== 'conflict')
    logger.warn('reconcile failed, will retry', {
      key,
      error: error.message,
      ...(failure === 'failed' && !(error instanceof KubeError) ? { stack: error.stack } : {}),
    });
  queue.retry(key, failure, error instanceof KubeError ? error.retryAfterMs : undefined);
}
