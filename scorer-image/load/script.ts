/** The user's script: imported, checked for its two functions, and every mistake said with file and line. */
import { FAILURE } from '@penstock/contract';
import { spawnSync } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { StartFailure } from '../failure.ts';

/** One argument of `inputSchema`: JSON Schema, of which `type` is checked and `default` stands in for what is missing. */
export interface Argument {
  type?: string;
  default?: unknown;
}

export interface UserScript {
  init: (context: unknown) => unknown;
  run: (rawData: unknown, request: unknown) => unknown;
  shutdown?: () => unknown;
  /** Names of arguments that run() takes in place of the raw body, each with its JSON Schema. */
  inputSchema?: Record<string, Argument>;
  /** JSON Schema of what run() gives, for /swagger.json. */
  outputSchema?: object;
  /** run() takes the web's Request, OPTIONS too. */
  rawHttp?: boolean;
}

/** Imports a script (ES module or CommonJS, JavaScript or TypeScript). */
export async function loadScript(path: string): Promise<UserScript> {
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw new StartFailure(FAILURE.scriptImport, describe(error, path), stackOf(error));
  }
  const exported = { ...(loaded.default as Record<string, unknown> | undefined), ...loaded };
  const missing = ['init', 'run'].filter((name) => typeof exported[name] !== 'function');
  if (missing.length > 0) {
    const found = Object.keys(exported).filter((name) => name !== 'default' && typeof exported[name] === 'function');
    throw new StartFailure(FAILURE.scriptFunction, `${basename(path)} exports no ${missing.join('() and no ')}(); it exports ${found.join(', ') || 'no function'}`);
  }
  if (exported.rawHttp === true && exported.inputSchema !== undefined) throw new StartFailure(FAILURE.scriptImport, `${basename(path)} exports rawHttp and inputSchema: run() takes either the request or arguments`);
  return exported as unknown as UserScript;
}

/** "message (score.ts:12)": the first place in the script's own folder that the error's stack names. */
export function describe(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const place = placeOf(error, path) ?? (error instanceof SyntaxError ? syntaxPlace(path) : undefined);
  return place === undefined ? message : `${message} (${place})`;
}

export const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

function placeOf(error: unknown, path: string): string | undefined {
  const folder = folderOf(path).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const match = new RegExp(`${folder}/([^\\s:)]+):(\\d+)`).exec(stackOf(error));
  return match ? `${match[1]}:${match[2]}` : undefined;
}

/** Modules are known by their real path, and a mounted ConfigMap's files are links. */
function folderOf(path: string): string {
  try {
    return dirname(realpathSync(path));
  } catch {
    return dirname(path);
  }
}

/** The module loader does not say where a syntax error is; `node --check` does. */
function syntaxPlace(path: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8', timeout: 10_000 });
  const line = /:(\d+)\n/.exec(stderr)?.[1];
  return line === undefined ? undefined : `${basename(path)}:${line}`;
}
