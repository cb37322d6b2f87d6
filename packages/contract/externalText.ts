/** JSON of other processes and of users. */

/** Undefined for a text that is not JSON. */
export function parsedJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is a JSON object: no list, and not null. */
export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Version of the JSON that Penstock stores in the cluster: revision records, traffic tables and activations. */
export const SCHEMA_VERSION = 1;

/** Whether JSON with this `schemaVersion` can be read; JSON from before the field has none. */
export const isReadableVersion = (schemaVersion: unknown): boolean =>
  schemaVersion === undefined || schemaVersion === SCHEMA_VERSION;
