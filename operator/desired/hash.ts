/** Hashes of values that do not depend on the order of an object's fields. */
import { hash } from 'node:crypto';
import type { ScriptFiles } from '../api/observed.ts';

/** No field of a Kubernetes object nests deeper. */
const MOST_DEPTH = 100;

/** JSON with sorted keys and without undefined fields. Throws for a value that is nested more than 100 levels deep. */
export function canonical(value: unknown, depth = 0): string {
  if (depth > MOST_DEPTH) throw new Error(`the spec is nested more than ${MOST_DEPTH} levels deep`);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return value === undefined ? 'null' : JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner, depth + 1)}`).join(',')}}`;
}

export const sha256 = (text: string): string => hash('sha256', text);
export const hashOf = (value: unknown): string => sha256(canonical(value));

/** `sha256:<hex>` of a text. */
export const textDigest = (text: string): string => `sha256:${sha256(text)}`;

/**
 * The digest of a set of files: SHA-256 of the lines "<sha256>  <name>\n" that sha256sum prints, sorted by name as
 * bytes. A lock is a last line without a name.
 */
export function filesDigest({ files, binaries = {}, requirements, packageLock }: ScriptFiles): string {
  const digest = (name: string): string =>
    files[name] !== undefined ? sha256(files[name]) : hash('sha256', Buffer.from(binaries[name]!, 'base64'));
  const lines = Object.keys({ ...files, ...binaries })
    .sort()
    .map((name) => `${digest(name)}  ${name}\n`);
  for (const lock of [requirements, packageLock]) if (lock !== undefined) lines.push(sha256(lock));
  return textDigest(lines.join(''));
}
