/** Entry point of the operator's image. */
import { fromProcess } from './config.ts';
import { jsonLogger } from '@penstock/server/logger';
import { runProgram } from '@penstock/server/program';
import { runOperator } from './operator.ts';
import { withdraw } from './withdraw.ts';

const config = fromProcess();
const logger = jsonLogger(config.logLevel);
const [command] = process.argv.slice(2);
runProgram('operator', logger, (stop) =>
  command === 'withdraw' ? withdraw(config) : runOperator(config, logger, stop),
);
