/** The user script: imported and checked for its two functions. Every mistake is reported with file and line. */
import { FAILURE, WITHOUT_SCRIPTS_FILE } from '@penstock/contract';
import { registerHooks } from 'node:module';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartFailure } from '../failure.ts';
import { bundleScript } from './bundleScript.ts';

/**
 * One argument of `inputSchema`: a JSON Schema, of which `type` is checked and `default` is used for a missing value.
 */
export interface Argument {
  type?: string;
  default?: unknown;
}

export interface UserScript {
  init: (context: unknown) => unknown;
  run: (rawData: unknown, request: unknown) => unknown;
  shutdown?: () => unknown;
  /** The arguments of run() by name, each with its JSON Schema; without it run() gets the raw body. */
  inputSchema?: Record<string, Argument>;
  /** JSON Schema of the result of run(), for /swagger.json. */
  outputSchema?: object;
  /** run() gets the web's Request, also of OPTIONS requests. */
  rawHttp?: boolean;
}

/** Imports a script (ES module or CommonJS, JavaScript or TypeScript). */
export async function loadScript(path: string): Promise<UserScript> {
  const url = pathToFileURL(path).href;
  const { format, source } = await bundleScript(path);
  process.setSourceMapsEnabled(true);
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === url ? { url, format, shortCircuit: true } : next(specifier, context),
    load: (one, context, next) => (one === url ? { format, source, shortCircuit: true } : next(one, context)),
  });
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(url)) as Record<string, unknown>;
    hooks.deregister();
  } catch (error) {
    throw new StartFailure(FAILURE.scriptImport, describe(error, path) + installScriptsNote(path), stackOf(error));
  }
  const exported = { ...(loaded.default as Record<string, unknown> | undefined), ...loaded };
  const missing = ['init', 'run'].filter((name) => typeof exported[name] !== 'function');
  if (missing.length > 0) {
    const found = Object.keys(exported).filter((name) => name !== 'default' && typeof exported[name] === 'function');
    throw new StartFailure(
      FAILURE.scriptFunction,
      `${basename(path)} exports no ${missing.join('() and no ')}(); it exports ${found.join(', ') || 'no function'}`,
    );
  }
  if (exported.rawHttp === true && exported.inputSchema !== undefined)
    throw new StartFailure(
      FAILURE.scriptImport,
      `${basename(path)} exports rawHttp and inputSchema: run() takes either the request or arguments`,
    );
  return exported as unknown as UserScript;
}

/** "message (score.ts:12:5)": with the first position in the script's folder that the stack names. */
export function describe(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const place = placeOf(error, path);
  return place === undefined ? message : `${message} (${place})`;
}

/** A package whose install script did not run may fail when it is imported. */
function installScriptsNote(path: string): string {
  const file = join(dirname(path), '../node_modules', WITHOUT_SCRIPTS_FILE);
  if (!existsSync(file)) return '';
  return `; install scripts of packages are not run, and these have one: ${readFileSync(file, 'utf8')}`;
}

export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

function placeOf(error: unknown, path: string): string | undefined {
  const folder = dirname(path).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const match = new RegExp(`${folder}/([^\\s:)]+):(\\d+:\\d+)`).exec(stackOf(error));
  return match ? `${match[1]}:${match[2]}` : undefined;
}
