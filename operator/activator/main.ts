/** Entry point of the activator, in the operator's image. */
import { jsonLogger } from '@penstock/server/logger';
import { runProgram } from '@penstock/server/program';
import { runActivator } from './activator.ts';
import { fromProcess } from './config.ts';

const config = fromProcess();
const logger = jsonLogger(config.logLevel);
runProgram('activator', logger, (stop) => runActivator(config, logger, stop));
