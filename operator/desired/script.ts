/** The script of a pipeline, from its spec or from the ConfigMap that the spec names. Pure. */
import { INLINE_SCRIPT } from '@penstock/contract';
import type { Script } from '../api/observed.ts';

export type FoundScript = { script: Script } | { problem: string };

export const inlineScript = (source: string): Script => ({ entry: INLINE_SCRIPT, files: { [INLINE_SCRIPT]: source } });

/** All keys of a ConfigMap, with `key` as the file that is loaded. */
export function scriptIn(
  { name, key }: { name: string; key: string },
  { data = {}, binaryData = {} }: { data?: Record<string, string>; binaryData?: Record<string, string> },
): FoundScript {
  if (data[key] === undefined)
    return { problem: `ConfigMap ${name} has no key ${key}; it has ${Object.keys(data).join(', ') || 'none'}` };
  return { script: { entry: key, files: data, ...(Object.keys(binaryData).length > 0 && { binaries: binaryData }) } };
}
