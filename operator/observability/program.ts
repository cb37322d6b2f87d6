/** How our programs begin and end: signals, and exit codes that say how it went. */
import type { Logger } from 'winston';

/** Runs `work` until it ends (exit code 0) or fails, or somebody's promise does (1); SIGTERM and SIGINT abort its signal. */
export function runProgram(name: string, logger: Logger, work: (stop: AbortSignal) => Promise<void>): void {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

  /** Half dead is worse than dead: say why, exit, be started again. */
  function die(error: unknown): void {
    logger.error(`${name} ends`, {
      error: error instanceof Error ? error.message : String(error),
      stack: error instanceof Error ? error.stack : undefined,
    });
    logger.once('finish', () => process.exit(1));
    logger.end();
  }
  process.on('unhandledRejection', die);
  work(stop.signal).then(() => process.exit(0), die);
}
