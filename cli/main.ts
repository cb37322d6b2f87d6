/** Entry point of `penstock`: a pipeline's manifest on this machine, without a cluster. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from './manifests.ts';
import { serve } from './serve.ts';

const NODE = 24;
const USAGE = `usage: penstock serve -f FILE|FOLDER … [--port 8080] [--operator-port 9090] [--pipeline NAME]

Serves an InferencePipeline as a pod of it would, with the models and ConfigMaps of the given files.
Keys are not asked for, errors are shown. A changed file is taken at once; Ctrl-C ends it.`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < NODE) throw new UserError(`penstock needs Node ${NODE}, this is ${process.versions.node}: npm run penstock brings its own`);
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { file: { type: 'string', short: 'f', multiple: true }, port: { type: 'string', default: '8080' }, 'operator-port': { type: 'string', default: '9090' }, pipeline: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help || positionals[0] !== 'serve' || !values.file) {
    say(USAGE);
    return values.help ? 0 : 2;
  }
  const stop = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  const options = { files: values.file, port: Number(values.port), operatorPort: Number(values['operator-port']), scorer: join(import.meta.dirname, '../../scorer-image/dist/main.mjs'), say, ...(values.pipeline !== undefined && { pipeline: values.pipeline }) };
  await serve(options, stop);
  return 0;
}

main().then((code) => process.exit(code), (error: unknown) => {
  const { message, stack, code } = error as Error & { code?: string };
  const theUsers = error instanceof UserError || code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${theUsers ? message : stack}${code?.startsWith('ERR_PARSE_ARGS') ? `\n\n${USAGE}` : ''}\n`);
  process.exit(2);
});
