/**
 * The packages that a package-lock.json (version 2 or 3) needs on one platform. Nothing is resolved: each package has a
 * version and the hash of its tarball. Pure.
 */
import { FAILURE, isJsonObject, parsedJson } from '@penstock/contract';
import { StartFailure } from '../failure.ts';

export interface LockedPackage {
  /** Folder below the root: node_modules/…. */
  path: string;
  /** Name in the registry, which an alias does not have in its path. */
  name: string;
  version: string;
  /** `sha512-<base64>` of the tarball. */
  integrity: string;
}

export interface Platform {
  os: string;
  cpu: string;
  libc: string;
}

export interface NeededPackages {
  packages: LockedPackage[];
  /** Names of packages with install scripts, which are not run. */
  withScripts: string[];
  /** Optional dependencies that the lock has no entry for. */
  missing: string[];
}

interface Entry {
  version?: string;
  name?: string;
  integrity?: string;
  resolved?: string;
  link?: boolean;
  optional?: boolean;
  inBundle?: boolean;
  hasInstallScript?: boolean;
  os?: string[] | string;
  cpu?: string[] | string;
  libc?: string[] | string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}
type Entries = Record<string, Entry>;

const NAME = String.raw`(?:@[\w.~-]+/)?[\w.~-]+`;
const PATH = new RegExp(String.raw`^node_modules/${NAME}(?:/node_modules/${NAME})*$`);
const FOLDER = 'node_modules/';

const refused = (message: string): StartFailure =>
  new StartFailure(FAILURE.environment, `package-lock.json: ${message}`);

/** Throws StartFailure for a lock that cannot be installed exactly. */
export function neededPackages(text: string, platform: Platform): NeededPackages {
  const lock = parsedJson(text);
  if (!isJsonObject(lock)) throw refused('it is not JSON');
  if (![2, 3].includes(lock.lockfileVersion as number) || !isJsonObject(lock.packages))
    throw refused(`its lockfileVersion is ${String(lock.lockfileVersion)}: make it with npm 7 or newer`);
  const entries = checkedEntries(lock.packages);
  const { reached, missing } = reachable(entries, platform);
  const needed = Object.entries(entries).filter(([path, { inBundle }]) => reached.has(path) && !inBundle);
  return {
    packages: needed.map(([path, entry]) => lockedPackage(path, entry, platform)),
    withScripts: needed.filter(([, entry]) => entry.hasInstallScript).map(([path, entry]) => nameOf(path, entry)),
    missing,
  };
}

const FIELDS: Record<keyof Entry, (value: unknown) => boolean> = {
  version: isText,
  name: isText,
  integrity: isText,
  resolved: isText,
  link: isFlag,
  optional: isFlag,
  inBundle: isFlag,
  hasInstallScript: isFlag,
  os: isList,
  cpu: isList,
  libc: isList,
  dependencies: isJsonObject,
  optionalDependencies: isJsonObject,
  peerDependencies: isJsonObject,
  peerDependenciesMeta: isJsonObject,
};

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}

/** npm takes one text for a list of it. */
function isList(value: unknown): boolean {
  return isText(value) || (Array.isArray(value) && value.every(isText));
}

function checkedEntries(packages: Record<string, unknown>): Entries {
  for (const [path, entry] of Object.entries(packages)) {
    if (!isJsonObject(entry)) throw refused(`${path.slice(0, 100)} is not an object`);
    const wrong = Object.entries(FIELDS).find(([name, isRight]) => entry[name] !== undefined && !isRight(entry[name]));
    if (wrong) throw refused(`${path.slice(0, 100) || 'the root'} has a wrong value of ${wrong[0]}`);
  }
  return packages as Entries;
}

/** Walks from the root as Node resolves, so that what only a skipped optional package needs is skipped, too. */
function reachable(entries: Entries, platform: Platform): { reached: Set<string>; missing: string[] } {
  const reached = new Set<string>();
  const missing: string[] = [];
  const waiting = [''];
  const visit = (path: string): void => {
    const entry = entries[path]!;
    if (reached.has(path) || (entry.optional === true && !fitsPlatform(entry, platform))) return;
    reached.add(path);
    waiting.push(path);
  };
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    for (const [name, isOptional] of dependenciesOf(entries[from] ?? {})) {
      const path = resolved(entries, from, name);
      if (path !== undefined) visit(path);
      else if (isOptional) missing.push(name);
      else throw refused(`${from || 'package.json'} needs ${name}, which is not in it: run npm install again`);
    }
  }
  return { reached, missing };
}

function dependenciesOf(entry: Entry): [name: string, isOptional: boolean][] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = entry;
  const optional = (name: string): boolean =>
    Object.hasOwn(optionalDependencies, name) ||
    (Object.hasOwn(peerDependenciesMeta, name) && peerDependenciesMeta[name]?.optional === true);
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }).map((name) => [
    name,
    optional(name),
  ]);
}

/** The path at which a package finds a dependency: beside its own packages, or in a folder further up. */
function resolved(entries: Entries, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf(`/${FOLDER}`)))) {
    const path = `${folder === '' ? '' : `${folder}/`}${FOLDER}${name}`;
    if (Object.hasOwn(entries, path)) return path;
    if (folder === '') return undefined;
  }
}

const fitsPlatform = ({ os, cpu, libc }: Entry, platform: Platform): boolean =>
  fits(os, platform.os) && fits(cpu, platform.cpu) && fits(libc, platform.libc);

/** A list of values, and of refused values that begin with "!"; by the rules of npm-install-checks. */
function fits(given: string[] | string | undefined, value: string): boolean {
  const list = typeof given === 'string' ? [given] : (given ?? []);
  if (list.length === 1 && list[0] === 'any') return true;
  const refusals = list.filter((one) => one.startsWith('!'));
  return !refusals.includes(`!${value}`) && (refusals.length === list.length || list.includes(value));
}

const nameOf = (path: string, { name }: Entry): string => name ?? path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);

function lockedPackage(path: string, entry: Entry, platform: Platform): LockedPackage {
  const name = nameOf(path, entry);
  assertOfRegistry(path, name, entry);
  if (!fitsPlatform(entry, platform))
    throw refused(`${name} is not for ${platform.os}, ${platform.cpu} and ${platform.libc}`);
  const integrity = (entry.integrity ?? '').split(/\s+/).find((one) => one.startsWith('sha512-'));
  if (integrity === undefined) throw refused(`${name} has no sha512 hash: run npm install with the registry again`);
  if (typeof entry.version !== 'string' || !/^[\w.+-]+$/.test(entry.version)) throw refused(`${name} has no version`);
  return { path, name, version: entry.version, integrity };
}

/** Throws StartFailure for a path or a name that leads elsewhere. */
function assertOfRegistry(path: string, name: string, entry: Entry): void {
  if (!PATH.test(path) || path.split('/').some((part) => part.startsWith('.')) || entry.link)
    throw refused(`${path.slice(0, 100)} is a link or a workspace: only packages of a registry can be installed`);
  if (!new RegExp(`^${NAME}$`).test(name) || name.split('/').some((part) => part.startsWith('.')))
    throw refused(`${path} has the name ${name.slice(0, 100)}`);
  if (entry.resolved !== undefined && !/^https?:/.test(entry.resolved))
    throw refused(`${name} comes from ${entry.resolved.slice(0, 60)}: only packages of a registry can be installed`);
}
