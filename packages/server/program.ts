/** Start and end of a program: signals and exit codes. */
import type { Logger } from './logger.ts';

/**
 * Exits with 0 when `work` resolves, with 1 when it rejects or any promise is rejected unhandled. SIGTERM and SIGINT
 * abort its signal.
 */
export function runProgram(name: string, logger: Logger, work: (stop: AbortSignal) => Promise<void>): void {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

  /** Logs the error and exits, so that the container is started again. */
  function exitWith(error: unknown): void {
    logger.error(`${name} ends`, {
      error: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    logger.once('finish', () => process.exit(1));
    logger.end();
  }
  process.on('unhandledRejection', exitWith);
  work(stop.signal).then(() => process.exit(0), exitWith);
}
