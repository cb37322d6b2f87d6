/** The operator's real bundle, as a process of its own: started, stopped, killed, frozen. */
import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { operatorBundle, root } from '../../../bundle.ts';
import { freePort } from '../../../hack/cluster/ports.ts';

/** One change of the source. `from` must occur exactly once. */
export interface Mutation {
  file: string;
  from: string;
  to: string;
}

/**
 * A drain of half a second in place of five: nothing listens to these pods. And what they have to say is said by the
 * stage, for all of them.
 */
export const HASTE: Mutation[] = [
  { file: 'operator/plan/retire.ts', from: 'export const DRAIN_MS = 5_000;', to: 'export const DRAIN_MS = 500;' },
  {
    file: 'operator/scorers/stats.ts',
    from: 'get({ host: address, port,',
    to: "get({ host: '127.0.0.1', port: Number(process.env.STAGE_STATS_PORT ?? 9),",
  },
];

/** As in operator/Dockerfile; and what V8 makes of the chart's memory limit. */
const HEAP_MIB = 128;
const FLAGS = ['--disable-proto=delete', '--max-semi-space-size=2', '--no-parallel-scavenge'];

const built = new Map<string, Promise<string>>();
const folder = mkdtempSync(join(tmpdir(), 'penstock-bundles-'));

/** Path of the bundle with these mutations in it. */
export function bundle(mutations: Mutation[]): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(mutations)).digest('hex').slice(0, 12);
  const known = built.get(key);
  if (known) return known;
  const made = make(join(folder, `${key}.mjs`), mutations);
  built.set(key, made);
  return made;
}

async function make(outfile: string, mutations: Mutation[]): Promise<string> {
  const used = new Set<Mutation>();
  await build({
    ...operatorBundle,
    entryPoints: [join(root, 'operator/main.ts')],
    outfile,
    plugins: [
      ...(operatorBundle.plugins ?? []),
      {
        name: 'mutations',
        setup: (made) =>
          made.onLoad({ filter: /(operator|packages)\/.*\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, 'utf8');
            for (const mutation of mutations.filter(({ file }) => file === relative(root, path))) {
              if (contents.split(mutation.from).length !== 2)
                throw new Error(`${mutation.file} does not have exactly one: ${mutation.from}`);
              contents = contents.replace(mutation.from, () => mutation.to);
              used.add(mutation);
            }
            return { contents, loader: 'ts' };
          }),
      },
    ],
  });
  const unused = mutations.find((mutation) => !used.has(mutation));
  if (unused) throw new Error(`${unused.file} is not part of the bundle`);
  return outfile;
}

export interface OperatorProcess {
  readonly identity: string;
  readonly child: ChildProcess;
  readonly port: number;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  /** What it logged so far. */
  log: () => string;
  metrics: () => Promise<string>;
  end: (signal: NodeJS.Signals) => Promise<number | string>;
}

export interface OperatorOptions {
  bundle: string;
  /** A kubeconfig of its own; see {@link kubeconfigFor}. */
  kubeconfig: string;
  identity: string;
  env?: Record<string, string>;
  heapMiB?: number;
}

export async function startOperator({
  bundle: program,
  kubeconfig,
  identity,
  env = {},
  heapMiB = HEAP_MIB,
}: OperatorOptions): Promise<OperatorProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [...FLAGS, `--max-old-space-size=${heapMiB}`, program], {
    env: {
      MALLOC_ARENA_MAX: '1',
      PATH: process.env.PATH,
      KUBECONFIG: kubeconfig,
      POD_NAME: identity,
      SCORER_IMAGE: 'penstock/scorer:test',
      METRICS_API: 'false',
      HTTP_PORT: String(port),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-200_000)));
  const exited = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? '')),
  );
  return {
    identity,
    child,
    port,
    exited,
    log: () => log,
    metrics: () =>
      fetch(`http://127.0.0.1:${port}/metrics`).then(
        (answer) => answer.text(),
        () => '',
      ),
    end: async (signal) => {
      child.kill(signal);
      if (signal !== 'SIGKILL') child.kill('SIGCONT');
      return exited;
    },
  };
}

/** Starts an operator on a stage, with the stage's account, in a hurry by default. */
export const startOperatorOn = async (
  { server, token }: { server: string; token: string },
  { identity, env, mutations = HASTE }: { identity: string; env: Record<string, string>; mutations?: Mutation[] },
): Promise<OperatorProcess> =>
  startOperator({
    bundle: await bundle(mutations),
    kubeconfig: kubeconfigFor(server, token).kubeconfig,
    identity,
    env,
  });

/** A kubeconfig whose token lies in a file and is read again, as in a pod. */
export function kubeconfigFor(
  server: string,
  token: string,
): { kubeconfig: string; writeToken: (token: string) => void } {
  const home = mkdtempSync(join(tmpdir(), 'penstock-operator-'));
  const tokenFile = join(home, 'token');
  const writeToken = (value: string): void => writeFileSync(tokenFile, value);
  writeToken(token);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 's',
    contexts: [{ name: 's', context: { cluster: 's', user: 's' } }],
    clusters: [{ name: 's', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 's', user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } }],
  };
  writeFileSync(join(home, 'kubeconfig'), JSON.stringify(config));
  return { kubeconfig: join(home, 'kubeconfig'), writeToken };
}
