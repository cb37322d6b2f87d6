/** Entry point of the operator's image: settings, signals, exit codes. */
import { fromProcess } from './config.ts';
import { jsonLogger } from './observability/logger.ts';
import { runOperator } from './operator.ts';
import { withdraw } from './withdraw.ts';

const config = fromProcess();
const logger = jsonLogger(config.logLevel);
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());

/** Half dead is worse than dead: say why, exit, be started again. */
function die(error: unknown): void {
  logger.error('operator ends', { error: error instanceof Error ? error.message : String(error), stack: error instanceof Error ? error.stack : undefined });
  logger.once('finish', () => process.exit(1));
  logger.end();
}
process.on('unhandledRejection', die);

const [command] = process.argv.slice(2);
const work = command === 'withdraw' ? withdraw(config) : runOperator(config, logger, stop.signal);
work.then(() => process.exit(0), die);
