/** The traffic table: which revisions serve or retire, and the hashes of the keys. */
import { isJsonObject, isReadableVersion, parsedJson } from './externalText.ts';

/** The traffic ConfigMap, mounted in every pod of a pipeline. */
export interface Traffic {
  schemaVersion?: number;
  revisions: Record<string, { state: 'serving' | 'retiring'; since: string }>;
  /** SHA-256 (hex) of each accepted key. */
  keyHashes: string[];
}

const SHA256 = /^[0-9a-f]{64}$/;
const STATES = ['serving', 'retiring'];

/** Reads a traffic table. Undefined for any other text, and for a newer schema. */
export function parseTraffic(text: string): Traffic | undefined {
  const table = parsedJson(text) as Partial<Traffic> | null | undefined;
  if (typeof table !== 'object' || table === null || !isReadableVersion(table.schemaVersion)) return undefined;
  const { revisions, keyHashes } = table;
  if (!Array.isArray(keyHashes) || !keyHashes.every((hash) => typeof hash === 'string' && SHA256.test(hash)))
    return undefined;
  if (!isJsonObject(revisions) || !Object.values(revisions).every(isEntry)) return undefined;
  return {
    revisions: Object.fromEntries(
      Object.entries(revisions).map(([name, { state, since }]) => [name, { state, since }]),
    ),
    keyHashes,
  };
}

function isEntry(value: unknown): boolean {
  const { state, since } = (value ?? {}) as { state?: unknown; since?: unknown };
  return (
    typeof state === 'string' && STATES.includes(state) && typeof since === 'string' && !Number.isNaN(Date.parse(since))
  );
}
