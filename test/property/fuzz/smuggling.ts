/**
 * Requests that two parsers may end at different bytes, seeded: what follows would be another request to one of them.
 */
import { generator } from '../fault-injection/plans.ts';

const METHODS = ['POST', 'GET', 'HEAD', 'OPTIONS', 'PUT'];
const LENGTHS = [
  '',
  'Content-Length: LENGTH',
  'Content-Length: 0',
  'Content-Length: 5',
  'Content-Length : LENGTH',
  ' Content-Length: LENGTH',
  'Content-Length: +LENGTH',
  'Content-Length: 0xLENGTH',
  'Content-Length: LENGTH, LENGTH',
  'Content-Length: LENGTH\r\nContent-Length: 5',
  'Content-Length:\tLENGTH',
  'Content-Length: LENGTH\x0b',
  'Content_Length: LENGTH',
  'X: 1\nContent-Length: 5',
];
const ENCODINGS = [
  '',
  '',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding : chunked',
  ' Transfer-Encoding: chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: x',
  'TrAnSfEr-EnCoDiNg: CHUNKED',
  'Transfer-Encoding: "chunked"',
  'X: 1\nTransfer-Encoding: chunked',
  'Transfer-Encoding: chunked;q=1',
];
const CONNECTIONS = [
  '',
  'Connection: content-length',
  'Connection: transfer-encoding',
  'Connection: keep-alive, host',
  'Connection: close, authorization',
  'Connection: keep-alive, x-other',
  'Proxy-Connection: content-length',
  'Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
];
const HIDDEN = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n';
const BODIES = [
  HIDDEN,
  `0\r\n\r\n${HIDDEN}`,
  `3\r\nabc\r\n0\r\n\r\n${HIDDEN}`,
  `3;x="\n"\r\nabc\r\n0\r\n\r\n${HIDDEN}`,
  `0\r\nx: 1\r\n\r\n${HIDDEN}`,
  `3\nabc\n0\n\n${HIDDEN}`,
  `0x3\r\nabc\r\n0\r\n\r\n${HIDDEN}`,
  `3\r\nabc0\r\n\r\n${HIDDEN}`,
  `00000003\r\nabc\r\n0\r\n\r\n${HIDDEN}`,
  `\r\n${HIDDEN}`,
  `1e\r\n${HIDDEN}\r\n0\r\n\r\n`,
  '',
];

/** One form of each number, the same for the same seed. */
export function smugglingForms(count: number, seed: number): Buffer[] {
  const random = generator(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  return Array.from({ length: count }, (_, i) => {
    const body = pick(BODIES);
    // Of half the forms one header is as it should be: what every parser refuses shows nothing.
    const [length, encoding] =
      random() < 0.5
        ? pick([
            [pick(LENGTHS), ''],
            ['', pick(ENCODINGS)],
            [LENGTHS[1]!, ''],
            ['', ENCODINGS[2]!],
          ])
        : [pick(LENGTHS), pick(ENCODINGS)];
    const headers = [length, encoding, pick(CONNECTIONS)]
      .filter(Boolean)
      .sort(() => random() - 0.5)
      .join('\r\n')
      .replaceAll('LENGTH', String(body.length));
    return Buffer.from(
      `${pick(METHODS)} /form HTTP/1.1\r\nhost: x\r\nx-form: ${i}\r\n${headers}${headers === '' ? '' : '\r\n'}\r\n${body}`,
      'latin1',
    );
  });
}
