/** Answers that a pod should never give, seeded: bytes of HTTP that are wrong in one of many ways. */
import { generator } from '../fault-injection/plans.ts';

type Random = () => number;
const VALID = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 6\r\n\r\nserved';
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const answer = (line: string, headers: string[] = ['content-length: 6'], body = 'served'): Buffer =>
  Buffer.from([line, ...headers, '', body].join('\r\n'), 'latin1');

/** The ways, by name. Each ends the connection after its bytes. */
export const ANSWERS: Record<string, (random: Random) => Buffer> = {
  'a status': (random) =>
    answer(
      `HTTP/1.1 ${pick(random, ['000', '001', '099', '100', '101', '103', '199', '204', '304', '600', '999', '1000', '-1', '20', 'abc', '2 0', ''])} Boo`,
    ),
  'a version': (random) =>
    answer(
      `${pick(random, ['HTTP/0.9', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9.9', 'HTP/1.1', 'ICY', 'http/1.1', 'HTTP/1.1.1'])} 200 OK`,
    ),
  'a reason phrase': (random) =>
    answer(`HTTP/1.1 200 ${pick(random, ['\x01', '\0', '\x7f', 'é', 'x'.repeat(20_000), '\u00ff', '\t'])}`),
  'a header': (random) =>
    answer('HTTP/1.1 200 OK', [
      'content-length: 6',
      pick(random, [
        'x: \x01',
        'x: \0',
        ': 1',
        'x y: 1',
        'x\x01: 1',
        'x',
        `x: ${'a'.repeat(20_000)}`,
        'x: é',
        'set-cookie: \x7f',
        '\tfolded: 1',
        'connection: x-penstock-revision, content-length',
        'upgrade: websocket',
        'trailer: x',
        'proxy-authenticate: Basic',
      ]),
    ]),
  'many headers': () =>
    answer('HTTP/1.1 200 OK', ['content-length: 6', ...Array.from({ length: 3_000 }, (_, i) => `h${i}: 1`)]),
  'a length': (random) =>
    answer(
      'HTTP/1.1 200 OK',
      pick(random, [
        ['content-length: -1'],
        ['content-length: 1e3'],
        ['content-length: 3'],
        ['content-length: 600'],
        ['content-length: 6', 'content-length: 7'],
        ['content-length: 99999999999999999999'],
        ['content-length: 6', 'transfer-encoding: chunked'],
        [],
      ]),
    ),
  chunks: (random) =>
    answer(
      'HTTP/1.1 200 OK',
      ['transfer-encoding: chunked'],
      pick(random, [
        'zz\r\nabc\r\n0\r\n\r\n',
        '5\r\nab\r\n0\r\n\r\n',
        'ffffffffffff\r\nabc',
        '-1\r\n\r\n',
        '3;x=\x01\r\nabc\r\n0\r\n\r\n',
        '3\r\nabc\r\n0\r\nx: \x01\r\n\r\n',
        '3\nabc\n0\n\n',
        '',
      ]),
    ),
  'several answers': (random) =>
    Buffer.concat(
      Array.from({ length: 1 + Math.floor(random() * 5) }, () =>
        answer(
          pick(random, [
            'HTTP/1.1 100 Continue',
            'HTTP/1.1 102 Processing',
            'HTTP/1.1 103 Early Hints',
            'HTTP/1.1 200 OK',
          ]),
          [],
          '',
        ),
      ),
    ),
  'flipped bytes': (random) => {
    const bytes = Buffer.from(VALID);
    for (let i = 0; i < 1 + random() * 3; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    return bytes;
  },
  'cut off': (random) => Buffer.from(VALID.slice(0, Math.floor(random() * VALID.length))),
  noise: (random) =>
    Buffer.from(Array.from({ length: 1 + Math.floor(random() * 300) }, () => Math.floor(random() * 256))),
};

/** Endless, and the same for the same seed. */
export function* hostileAnswers(seed: number): Generator<{ way: string; bytes: Buffer }, never> {
  const random = generator(seed);
  const names = Object.keys(ANSWERS);
  for (let i = 0; ; i++) {
    const way = names[i % names.length]!;
    yield { way, bytes: ANSWERS[way]!(random) };
  }
}
