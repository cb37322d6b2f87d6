/** Entry point of the scorer's image: `serve`, `fetch`, `install` or `verify`. */
import { ENV, FAILURE, SCORER_COMMAND } from '@penstock/contract';
import { environment, parseFetch, parseInstall, parseServe } from './config.ts';
import { asFailure, EXIT_CODE, writeTermination } from './failure.ts';
import { flushLogs } from '@penstock/server/logger';
import { logger } from './logger.ts';
import { serve, type ExitOutcome } from './serve.ts';

async function main(command: string | undefined): Promise<ExitOutcome> {
  const env = environment();
  if (command === SCORER_COMMAND.fetch || command === SCORER_COMMAND.verify) {
    const { fetchAll, verify } = await import('./fetchCommand.ts'); // `serve` does not load the HTTP client
    await (command === SCORER_COMMAND.fetch ? fetchAll : verify)(parseFetch(env));
  } else if (command === SCORER_COMMAND.install) {
    const { install } = await import('./installCommand.ts');
    await install(parseInstall(env));
  } else if (command === SCORER_COMMAND.serve) {
    const stop = new Promise((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
    return serve(parseServe(env), env[ENV.modelDir] ?? '', { file: new URL('./worker.mjs', import.meta.url) }, stop);
  } else throw new Error(`usage: scorer ${Object.values(SCORER_COMMAND).join('|')}`);
  return { code: 0, stuck: false };
}

/** process.exit() waits for all threads, and so for a native call. Replacing the process does not wait. */
function exit({ code, stuck }: ExitOutcome): never {
  if (stuck) process.execve!(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {});
  process.exit(code);
}

try {
  exit(await main(process.argv[2]));
} catch (error) {
  const isInstall = process.argv[2] === SCORER_COMMAND.install;
  const failure = asFailure(error, isInstall ? FAILURE.environment : FAILURE.resource);
  logger.error(`${failure.reason}: ${failure.message}`, { detail: failure.detail });
  writeTermination(failure);
  await flushLogs(logger);
  process.exit(EXIT_CODE);
}
