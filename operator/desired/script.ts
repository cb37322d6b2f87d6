/** The script of a pipeline, from its spec or from the ConfigMap that the spec names. Pure. */
import { INLINE_SCRIPT } from '@penstock/contract';
import type { Lock } from '../api/locks.ts';
import type { Script } from '../api/observed.ts';

export type FoundScript = { script: Script } | { problem: string };

export const inlineScript = (source: string): Script => ({ entry: INLINE_SCRIPT, files: { [INLINE_SCRIPT]: source } });

/** All keys of a ConfigMap, with `key` as the file that is loaded. */
export function scriptIn(
  { name, key }: { name: string; key: string },
  { data = {}, binaryData = {} }: { data?: Record<string, string>; binaryData?: Record<string, string> },
): FoundScript {
  if (data[key] === undefined) return { problem: noKey({ name, key }, { data }) };
  return { script: { entry: key, files: data, ...(Object.keys(binaryData).length > 0 && { binaries: binaryData }) } };
}

/** What to say of a ConfigMap without that key. */
export const noKey = (
  { name, key }: { name: string; key: string },
  { data = {} }: { data?: Record<string, string> },
): string => `ConfigMap ${name} has no key ${key}; it has ${Object.keys(data).join(', ') || 'none'}`;

/** Whether a script is in Python, by the name of its file. */
export const isPython = (entry: string | undefined): boolean => entry?.endsWith('.py') === true;

/**
 * The script with the text of a lock. A lock in the script's own ConfigMap is not one of the script's files, so that it
 * is stored once.
 */
export function withLock(script: Script, { key, from }: Lock, text: string, scriptFrom: string): Script {
  const own = from?.configMap.name === scriptFrom ? from.configMap.key : undefined;
  const files = Object.entries(script.files).filter(([file]) => file !== own || file === script.entry);
  return { ...script, files: Object.fromEntries(files), [key]: text };
}
