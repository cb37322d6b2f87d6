/**
 * Workers that take keys from a queue and reconcile them. A key is reconciled by one worker at a time. Every failure is
 * retried, because no event would report it again, and not before the server's Retry-After.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '@penstock/server/logger';
import { isRace, type Result } from './result.ts';
import type { Key } from '../api/keys.ts';
import { withLogFields } from '@penstock/server/logger';
import type { ControllerMetrics } from './metrics.ts';
import { KubeError } from '../client/errors.ts';
import { NotLeading } from '../client/fence.ts';
import type { FailureClass } from './backoff.ts';
import type { WorkQueue } from './workqueue.ts';

export interface ControllerOptions {
  name: string;
  queue: WorkQueue;
  reconcile: (key: Key) => Promise<Result>;
  workers: number;
  logger: Logger;
  metrics: ControllerMetrics;
}

/** Runs until the queue is shut down; resolves when every running reconcile has ended. */
export async function runController(options: ControllerOptions): Promise<void> {
  await Promise.all(Array.from({ length: options.workers }, () => work(options)));
}

async function work({ name, queue, reconcile, logger, metrics }: ControllerOptions): Promise<void> {
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    const end = metrics.reconcileDuration.startTimer({ controller: name });
    const fields = { controller: name, key, reconcile: randomUUID() };
    const result = await withLogFields(fields, () => reconcile(key)).catch(retryAfter);
    end();
    metrics.reconciles.inc({ controller: name, result: result.next });
    if (result.next === 'retry') {
      const failure = failureClass(result.error);
      metrics.retries.inc({ controller: name, failure });
      withLogFields(fields, () => logFailure(result.error, failure, logger));
      queue.retry(key, failure, result.error instanceof KubeError ? result.error.retryAfterMs : undefined);
    } else queue.forget(key);
    if (result.next === 'after') queue.addAfter(key, result.ms);
    queue.done(key);
  }
}

const retryAfter = (error: unknown): Result => ({
  next: 'retry',
  error: error instanceof Error ? error : new Error(String(error)),
});

const NETWORK = /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND)/;

/** The kind of a failure, which decides the back-off. */
export function failureClass(error: Error): FailureClass {
  // a lease that is lost ends the process; one that is renewed late is kept
  if (isRace(error) || error instanceof NotLeading) return 'conflict';
  if (error instanceof KubeError) return error.code === 429 || error.code >= 500 ? 'overloaded' : 'failed';
  return error.name === 'TimeoutError' || NETWORK.test((error as { code?: string }).code ?? '')
    ? 'overloaded'
    : 'failed';
}

/** A conflict is not logged: the next attempt usually succeeds. */
function logFailure(error: Error, failure: FailureClass, logger: Logger): void {
  if (failure === 'conflict') return;
  logger.warn('reconcile failed, will retry', {
    error: error.message,
    ...(failure === 'failed' && !(error instanceof KubeError) ? { stack: error.stack } : {}),
  });
}
