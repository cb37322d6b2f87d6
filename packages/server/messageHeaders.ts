/** Header fields of HTTP messages (RFC 9110). */
import type { IncomingHttpHeaders } from 'node:http';

/** RFC 9110 §5.5: visible ASCII, blanks and tabs; bytes above ASCII are opaque. */
const OUTSIDE_A_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether node:http accepts the text as the value of a header field, or as a reason phrase (RFC 9112 §4). */
export const isFieldValue = (text: string): boolean => !OUTSIDE_A_FIELD_VALUE.test(text);

/** Hop-by-hop headers (RFC 9110 §7.6.1), and `expect`, which node:http has answered. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect']);
/** Headers that frame the message or authenticate the client: the header Connection cannot remove them. */
const NEVER_HOP_BY_HOP = new Set(['content-length', 'transfer-encoding', 'host', 'authorization']);

/** Names and values in turn, in their order, without hop-by-hop headers: what a proxy sends on. */
export function endToEnd({ rawHeaders, headers }: { rawHeaders: string[]; headers: IncomingHttpHeaders }): string[] {
  const named = new Set(
    (headers.connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
  return rawHeaders.filter((_, i) => {
    const name = rawHeaders[i - (i % 2)]!.toLowerCase();
    return !HOP_BY_HOP.has(name) && (!named.has(name) || NEVER_HOP_BY_HOP.has(name));
  });
}
