/** Logs one JSON object per line. Payloads are never logged. */
import { setTimeout as sleep } from 'node:timers/promises';
import winston, { type Logger } from 'winston';

/** A process that exits waits at most this long for its log to be read. */
const FLUSH_TIMEOUT_MS = 1000;

export const logger: Logger = winston.createLogger({
  level: 'info',
  format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
  transports: [new winston.transports.Console()],
});

/** Ends the logger. Resolves when all lines are written, or after {@link FLUSH_TIMEOUT_MS}. */
export async function flushLogs(log = logger): Promise<void> {
  const out = new Promise((resolve) => void log.once('finish', resolve));
  log.end();
  await Promise.race([out, sleep(FLUSH_TIMEOUT_MS)]);
}
