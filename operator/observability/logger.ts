/** Logs one JSON object per line. */
import winston, { type Logger } from 'winston';

export function jsonLogger(level: string): Logger {
  return winston.createLogger({
    level,
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Console()],
  });
}
