/** Logs one JSON object per line. */
import { AsyncLocalStorage } from 'node:async_hooks';
import winston, { type Logger } from 'winston';

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
