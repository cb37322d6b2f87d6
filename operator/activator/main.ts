/** Entry point of the activator, in the operator's image: settings, signals, exit codes. */
import { jsonLogger } from '../observability/logger.ts';
import { runActivator } from './activator.ts';
import { fromProcess } from './config.ts';

const config = fromProcess();
const logger = jsonLogger(config.logLevel);
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

function die(error: unknown): void {
  logger.error('activator ends', { error: error instanceof Error ? error.message : String(error), stack: error instanceof Error ? error.stack : undefined });
  logger.once('finish', () => process.exit(1));
  logger.end();
}
process.on('unhandledRejection', die);

runActivator(config, logger, stop.signal).then(() => process.exit(0), die);
