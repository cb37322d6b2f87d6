/** `penstock serve` runs the scorer of a pod as a process on this machine and restarts it when a file changes. */
import { ENV, LOCAL_ENV, LOG_MESSAGE, MOUNT, SCORER_NODE_FLAGS } from '@penstock/contract';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { shell } from './config.ts';
import { checkManifests, filesOf, readCrd, readManifests, UserError } from './manifests.ts';
import { linkNpmPackages } from './npm.ts';
import { pythonSettings } from './python.ts';
import { render, type Local } from './render.ts';

export interface ServeOptions {
  files: string[];
  pipeline?: string;
  port: number;
  operatorPort: number;
  /** The folder of the CRDs. */
  crds: string;
  /** The path of the scorer's bundle. */
  scorer: string;
  say: (line: string) => void;
}

const CALM_MS = 200;
const FOLDERS = ['models', 'sources', 'script', 'traffic', 'credentials'] as const;

/** Serves until `stop` resolves. An error in a manifest is printed, and the last valid manifest stays in use. */
export async function serve(options: ServeOptions, stop: Promise<unknown>): Promise<void> {
  const files = filesOf(options.files);
  const crds = ['inferencepipelines', 'modelversions'].map((name) => readCrd(join(options.crds, `${name}.yaml`)));
  let running: Running | undefined;
  let over = false;
  const start = async (): Promise<void> => {
    if (over) return;
    try {
      const manifests = readManifests(files, options.pipeline);
      checkManifests(manifests, crds);
      const next = await Running.fetch(render(manifests, shell()), options);
      await running?.end();
      running = next;
      running.serve(options);
    } catch (error) {
      if (!running && error instanceof UserError) throw error;
      options.say(`✗ ${(error as Error).message}${running ? '; the last good one serves on' : ''}`);
    }
  };
  await start();
  let turn = Promise.resolve(); // starts run one after the other
  let timer: NodeJS.Timeout | undefined;
  const watchers = [...new Set(files.map((file) => dirname(file)))].map((folder) =>
    watch(folder, (_, name) => {
      if (name === null || !files.some((file) => basename(file) === name && dirname(file) === folder)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        options.say('a file changed: starting again');
        turn = turn.then(start);
      }, CALM_MS);
    }),
  );
  await stop;
  over = true;
  clearTimeout(timer);
  for (const watcher of watchers) watcher.close();
  await turn;
  await running?.end();
}

class Running {
  readonly #home: string;
  readonly #settings: Record<string, string | undefined>;
  #child: ChildProcess | undefined;

  private constructor(home: string, settings: Record<string, string | undefined>) {
    this.#home = home;
    this.#settings = settings;
  }

  /** Writes all files and fetches the models. Throws UserError on failure and removes the files again. */
  static async fetch(local: Local, options: ServeOptions): Promise<Running> {
    const { env, fetch, sources, script } = local;
    const home = mkdtempSync(join(tmpdir(), 'penstock-serve-'));
    for (const folder of FOLDERS) mkdirSync(join(home, folder));
    for (const [path, bytes] of Object.entries(sources)) {
      mkdirSync(dirname(join(home, 'sources', path)), { recursive: true });
      writeFileSync(join(home, 'sources', path), bytes);
    }
    for (const [file, bytes] of Object.entries(script)) writeFileSync(join(home, 'script', file), bytes);
    const running = new Running(home, {
      PATH: shell().PATH,
      ...env,
      [ENV.modelDir]: env[ENV.modelDir]!.replace(MOUNT.models, join(home, 'models')),
      [ENV.fetch]: JSON.stringify(fetch),
      [LOCAL_ENV.userPort]: String(options.port),
      [LOCAL_ENV.operatorPort]: String(options.operatorPort),
      ...Object.fromEntries(FOLDERS.map((folder) => [LOCAL_ENV[folder], join(home, folder)])),
    });
    await running.#prepare(local, options);
    const code =
      fetch.length === 0 ? 0 : await new Promise((resolve) => running.#run('fetch', options).once('exit', resolve));
    if (code === 0) return running;
    await running.end();
    throw new UserError('the models could not be fetched');
  }

  /** Installs the packages of the script. Removes the files again on failure. */
  async #prepare({ python, packageLock }: Local, { scorer, say }: ServeOptions): Promise<void> {
    const place = { scorer, home: this.#home, shell: shell(), say };
    try {
      if (python) Object.assign(this.#settings, await pythonSettings(python, place));
      if (packageLock !== undefined) await linkNpmPackages(packageLock, place);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  serve(options: ServeOptions): void {
    this.#child = this.#run('serve', options).once('close', (code) => {
      // all output of the process has been read
      if (code) options.say(`✗ the scorer ended with ${code}: correct the error above, and it starts again`);
    });
  }

  #run(command: string, { scorer, port, say }: ServeOptions): ChildProcess {
    const child = spawn(process.execPath, [...SCORER_NODE_FLAGS, scorer, command], {
      env: this.#settings,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', (line) => say(readable(line, port)));
    return child;
  }

  /** Ends the scorer at once: no load balancer sends requests to it. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.removeAllListeners('close').once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
    }
    rmSync(this.#home, { recursive: true, force: true });
  }
}

/** A JSON log line of the scorer as text for a person. */
function readable(line: string, port: number): string {
  try {
    const { level, message, timestamp: _, detail, error, ...rest } = JSON.parse(line) as Record<string, unknown>;
    if (message === LOG_MESSAGE.ready) return `✓ ready: http://127.0.0.1:${port}/score`;
    const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
    return `${level === 'error' ? '✗ ' : ''}${String(message)}${more}${[detail, error]
      .filter(Boolean)
      .map((text) => `\n${String(text)}`)
      .join('')}`;
  } catch {
    return line; // a line that the script printed
  }
}
