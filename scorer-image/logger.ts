/** One JSON line an event; payloads are never logged. */
import { setTimeout as sleep } from 'node:timers/promises';
import winston, { type Logger } from 'winston';

/** A process that ends waits no longer for who reads its lines. */
const FLUSH_TIMEOUT_MS = 1000;

export const logger: Logger = winston.createLogger({
  level: 'info',
  format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
  transports: [new winston.transports.Console()],
});

/** Ends the logger. Resolves when all lines are out, so that the last words before an exit are not lost; or after a second, so that no exit is. */
export async function flushLogs(log = logger): Promise<void> {
  const out = new Promise((resolve) => void log.once('finish', resolve));
  log.end();
  await Promise.race([out, sleep(FLUSH_TIMEOUT_MS)]);
}
