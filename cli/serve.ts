/** `penstock serve`: the scorer of a pod, as a process of this machine, started anew when a file changes. */
import { ENV } from '@penstock/contract';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { shell } from './config.ts';
import { filesOf, readManifests, UserError } from './manifests.ts';
import { render, type Local } from './render.ts';

export interface ServeOptions {
  files: string[];
  pipeline?: string;
  port: number;
  operatorPort: number;
  /** The scorer's bundle. */
  scorer: string;
  say: (line: string) => void;
}

const CALM_MS = 200;

/** Serves until `stop` resolves; a manifest that is wrong is told, and the last good one serves on. */
export async function serve(options: ServeOptions, stop: Promise<unknown>): Promise<void> {
  const files = filesOf(options.files);
  let running: Running | undefined;
  const start = async (): Promise<void> => {
    try {
      const local = render(readManifests(files, options.pipeline), shell());
      await running?.end();
      running = await Running.start(local, options);
    } catch (error) {
      if (!running && error instanceof UserError) throw error;
      options.say(`✗ ${(error as Error).message}${running ? '; the last good one serves on' : ''}`);
    }
  };
  await start();
  let timer: NodeJS.Timeout | undefined;
  const watchers = [...new Set(files.map((file) => dirname(file)))].map((folder) => watch(folder, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      options.say('a file changed: starting anew');
      void start();
    }, CALM_MS);
  }));
  await stop;
  clearTimeout(timer);
  for (const watcher of watchers) watcher.close();
  await running?.end();
}

class Running {
  readonly #child: ChildProcess;
  readonly #home: string;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, home: string) {
    this.#child = child;
    this.#home = home;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Fetches the models, then starts to serve; resolves once the process is there, not yet ready. */
  static async start({ env, fetch, sources, script }: Local, { scorer, port, operatorPort, say }: ServeOptions): Promise<Running> {
    const home = mkdtempSync(join(tmpdir(), 'penstock-serve-'));
    for (const folder of ['models', 'sources', 'script', 'traffic', 'credentials']) mkdirSync(join(home, folder));
    for (const [path, bytes] of Object.entries(sources)) {
      mkdirSync(dirname(join(home, 'sources', path)), { recursive: true });
      writeFileSync(join(home, 'sources', path), bytes);
    }
    for (const [file, text] of Object.entries(script)) writeFileSync(join(home, 'script', file), text);
    const modelDir = env[ENV.modelDir]!.replace('/var/azureml-app/azureml-models', join(home, 'models'));
    const settings = {
      PATH: shell().PATH, ...env, [ENV.modelDir]: modelDir, [ENV.fetch]: JSON.stringify(fetch), PENSTOCK_USER_PORT: String(port), PENSTOCK_OPERATOR_PORT: String(operatorPort),
      PENSTOCK_MODELS_DIR: join(home, 'models'), PENSTOCK_SOURCES_DIR: join(home, 'sources'), PENSTOCK_SCRIPT_DIR: join(home, 'script'), PENSTOCK_TRAFFIC_DIR: join(home, 'traffic'), PENSTOCK_CREDENTIALS_DIR: join(home, 'credentials'),
    };
    const run = (command: string): ChildProcess => {
      const child = spawn(process.execPath, [scorer, command], { env: settings, stdio: ['ignore', 'pipe', 'inherit'] });
      createInterface({ input: child.stdout }).on('line', (line) => say(readable(line, port)));
      return child;
    };
    if (fetch.length > 0) {
      const code = await new Promise((resolve) => run('fetch').once('exit', resolve));
      if (code !== 0) throw new UserError('the models could not be fetched');
    }
    const running = new Running(run('serve'), home);
    running.#child.once('exit', (code) => {
      if (code) say(`✗ the scorer ended with ${code}: mend the script, and it starts anew`);
    });
    return running;
  }

  /** At once: nobody drains a machine of one's own. */
  async end(): Promise<void> {
    this.#child.removeAllListeners('exit').kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await Promise.race([this.#exited, new Promise((resolve) => this.#child.once('exit', resolve))]);
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** The scorer's JSON lines as a person reads them. */
function readable(line: string, port: number): string {
  try {
    const { level, message, timestamp: _, detail, error, ...rest } = JSON.parse(line) as Record<string, unknown>;
    if (message === 'Users\'s init has completed successfully') return `✓ ready: http://127.0.0.1:${port}/score`;
    const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
    return `${level === 'error' ? '✗ ' : ''}${String(message)}${more}${[detail, error].filter(Boolean).map((text) => `\n${String(text)}`).join('')}`;
  } catch {
    return line; // what the script prints
  }
}
