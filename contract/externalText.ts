/** Texts that another process or a user wrote: JSON, and values of HTTP header fields. */

/** Undefined for a text that is not JSON. */
export function parsedJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 9110 §5.5; what is above ASCII means what the sender says it means. */
const OUTSIDE_A_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether node:http writes the text as the value of a header field, or as a reason phrase (RFC 9112 §4). */
export const isFieldValue = (text: string): boolean => !OUTSIDE_A_FIELD_VALUE.test(text);

/** Version of what Penstock writes into ConfigMaps: revision records and traffic tables. */
export const SCHEMA_VERSION = 1;

/** Whether what has this `schemaVersion` can be read here; what is older than the field has none. */
export const isReadableVersion = (schemaVersion: unknown): boolean =>
  schemaVersion === undefined || schemaVersion === SCHEMA_VERSION;
