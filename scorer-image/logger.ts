/** One JSON line an event; payloads are never logged. */
import winston, { type Logger } from 'winston';

export const logger: Logger = winston.createLogger({
  level: 'info',
  format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
  transports: [new winston.transports.Console()],
});

/** Resolves when all lines are out, so that the last words before an exit are not lost. */
export function flushed(): Promise<void> {
  return new Promise((resolve) => {
    logger.once('finish', resolve);
    logger.end();
  });
}
