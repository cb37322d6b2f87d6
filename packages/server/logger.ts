/** Logs one JSON object per line. Payloads are never logged. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import winston, { type Logger } from 'winston';

export type { Logger } from 'winston';

/** A process that exits waits at most this long for its log to be read. */
const FLUSH_TIMEOUT_MS = 1000;

const context = new AsyncLocalStorage<object>();

/** Runs `work`. Every line that it logs has these fields, also from functions that it awaits. */
export const withLogFields = <T>(fields: object, work: () => T): T => context.run(fields, work);

const withFields = winston.format((info) => Object.assign(info, context.getStore()));

export function jsonLogger(level: string): Logger {
  return winston.createLogger({
    level,
    format: winston.format.combine(withFields(), winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Console()],
  });
}

/** Ends the logger. Resolves when all lines are written, or after {@link FLUSH_TIMEOUT_MS}. */
export async function flushLogs(logger: Logger): Promise<void> {
  const written = new Promise((resolve) => void logger.once('finish', resolve));
  logger.end();
  await Promise.race([written, sleep(FLUSH_TIMEOUT_MS)]);
}
