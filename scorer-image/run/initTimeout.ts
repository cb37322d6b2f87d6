/** The deadline of loading the models and of init(). */
import { FAILURE } from '@penstock/contract';
import { StartFailure } from '../failure.ts';

/** Settles as `ready` does, or rejects with a StartFailure after `initTimeoutMs`. */
export async function withinInitTimeout<T>(ready: Promise<T>, initTimeoutMs: number): Promise<T> {
  const message = `init() did not end within initTimeout (${initTimeoutMs} ms)`;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StartFailure(FAILURE.initTimeout, message)), initTimeoutMs);
  });
  return Promise.race([timeout, ready]).finally(() => clearTimeout(timer));
}
