/** Hashes of values, independent of the order in which an object's fields were written. */
import { hash } from 'node:crypto';
import type { ScriptFiles } from '../api/observed.ts';

/** JSON with sorted keys and without undefined fields. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return value === undefined ? 'null' : JSON.stringify(value);
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`;
}

export const sha256 = (text: string): string => hash('sha256', text);
export const hashOf = (value: unknown): string => sha256(canonical(value));

/** Digest of a set of files: SHA-256 of the lines "<sha256>  <name>\n", sorted bytewise by name (sha256sum's form). */
export function filesDigest({ files, binaries = {} }: ScriptFiles): string {
  const digest = (name: string): string => (files[name] !== undefined ? sha256(files[name]) : hash('sha256', Buffer.from(binaries[name]!, 'base64')));
  const lines = Object.keys({ ...files, ...binaries }).sort().map((name) => `${digest(name)}  ${name}\n`);
  return `sha256:${sha256(lines.join(''))}`;
}
