/**
 * The command `penstock`: `serve` runs a pipeline on this machine, `lock` writes the lock of its packages, and
 * `compare` compares an endpoint's answers with the expected ones.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import { lock } from './lock.ts';
import { UserError } from './manifests.ts';
import { serve } from './serve.ts';

const NODE = 24;
const USAGE = `usage: penstock serve -f FILE|FOLDER … [--port 8080] [--operator-port 9090] [--pipeline NAME]
       penstock lock FILE [--python 3.11] [--out FILE]
       penstock compare --rows FILE --expect FILE [--url http://localhost:8080/score] [--tolerance 1e-5] [--key KEY]

serve    Serves an InferencePipeline as a pod of it would, with the models and ConfigMaps of the given files.
         Keys are not checked, errors are shown. A changed file is loaded at once; Ctrl-C ends it.
lock     Writes versions and hashes of packages, for environment.packages. FILE: a requirements.in, a conda environment
         or a package.json. It prints the part of a manifest, or writes the lock to a file. Needs uv, or npm.
compare  Sends rows to an endpoint and prints how many answers differ from the expected ones, and by how much.
         --rows: a JSON list of rows. --expect: {"<output>": [one value for each row], …}. Exit code 1 if any differs.`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const OPTIONS = {
  file: { type: 'string', short: 'f', multiple: true },
  port: { type: 'string', default: '8080' },
  'operator-port': { type: 'string', default: '9090' },
  pipeline: { type: 'string' },
  rows: { type: 'string' },
  expect: { type: 'string' },
  url: { type: 'string', default: 'http://localhost:8080/score' },
  tolerance: { type: 'string', default: '1e-5' },
  key: { type: 'string' },
  python: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < NODE)
    throw new UserError(
      `penstock needs Node ${NODE}, this is ${process.versions.node}: npm run penstock brings its own`,
    );
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  if (values.help) {
    say(USAGE);
    return 0;
  }
  const [command = '', ...others] = positionals;
  const code = await COMMANDS.get(command)?.(values, others);
  if (code === undefined) say(USAGE);
  return code ?? 2;
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** The exit code; undefined when a required option is missing. */
async function runCompare({ rows, expect, url, tolerance, key }: Values): Promise<number | undefined> {
  if (rows === undefined || expect === undefined) return undefined;
  if (!(Number(tolerance) >= 0)) throw new UserError(`--tolerance must be a number, not ${tolerance}`);
  return compare({ rows, expect, url, tolerance: Number(tolerance), say, ...(key !== undefined && { key }) });
}

/** The exit code; undefined when there is not exactly one file. */
async function runLock({ python, out }: Values, [file, ...others]: string[]): Promise<number | undefined> {
  if (file === undefined || others.length > 0) return undefined;
  if (python !== undefined && !/^3\.\d{1,2}$/.test(python))
    throw new UserError(`--python must be a minor version such as 3.11, not ${python}`);
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  await lock({ file, say, note, ...(python !== undefined && { python }), ...(out !== undefined && { out }) });
  return 0;
}

/** Serves until SIGINT or SIGTERM. The exit code; undefined when a required option is missing. */
async function runServe(values: Values): Promise<number | undefined> {
  if (!values.file) return undefined;
  const stop = new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  const here = join(import.meta.dirname, '../..');
  await serve(
    {
      files: values.file,
      port: Number(values.port),
      operatorPort: Number(values['operator-port']),
      scorer: join(here, 'scorer-image/dist/main.mjs'),
      crds: join(here, 'crds'),
      say,
      ...(values.pipeline !== undefined && { pipeline: values.pipeline }),
    },
    stop,
  );
  return 0;
}

type Command = (values: Values, positionals: string[]) => Promise<number | undefined>;

const COMMANDS = new Map<string, Command>([
  ['serve', runServe],
  ['lock', runLock],
  ['compare', runCompare],
]);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const { message, stack, code } = error as Error & { code?: string };
    const theUsers = error instanceof UserError || code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${theUsers ? message : stack}${code?.startsWith('ERR_PARSE_ARGS') ? `\n\n${USAGE}` : ''}\n`);
    process.exit(2);
  },
);
