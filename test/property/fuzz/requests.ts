/**
 * Requests no client should send, seeded: bytes of HTTP that are wrong in one of many ways, or right and wrong inside.
 */
import { generator } from '../fault-injection/plans.ts';

type Random = () => number;
const VALID = '{"data":[[5.1,3.5,1.4,0.2]]}';
const VALID_V2 = '{"id":"1","inputs":[{"name":"X","shape":[1,4],"datatype":"FP32","data":[5.1,3.5,1.4,0.2]}]}';
const VALID_MLFLOW = '{"dataframe_split":{"columns":["a","b","c","d"],"data":[[5.1,3.5,1.4,0.2]]}}';
const SCORE = '/score';
const INFER = '/v2/models/iris/infer';
const RIGHT: [string, string][] = [
  [SCORE, VALID],
  [INFER, VALID_V2],
  ['/invocations', VALID_MLFLOW],
];

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const noise = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));

interface Parts {
  line?: string;
  headers?: string[];
  body?: Buffer;
  length?: number | null;
}
/** One request; `length` null leaves Content-Length out. */
function http({
  line = `POST ${SCORE} HTTP/1.1`,
  headers = [],
  body = Buffer.from(VALID),
  length = body.length,
}: Parts): Buffer {
  return Buffer.concat([
    Buffer.from(
      [line, 'host: x', ...headers, ...(length === null ? [] : [`content-length: ${length}`]), '', ''].join('\r\n'),
      'latin1',
    ),
    body,
  ]);
}

/** Values that JSON, or an extension of it, can hold. */
const VALUES = [
  '1e400',
  '-1e400',
  'NaN',
  'Infinity',
  '1e39',
  '9007199254740993',
  '"5.1"',
  'null',
  'true',
  '{}',
  '[]',
  '[[1]]',
  '{"__proto__":{"a":1}}',
  '0x10',
  '01',
  '1.',
  '"\\ud800"',
  '-0',
  '99999999999999999999999999',
];

/** The ways, by name. */
export const WAYS: Record<string, (random: Random) => Buffer> = {
  'flipped bytes': (random) => {
    const [path, right] = pick(random, RIGHT);
    const body = Buffer.from(right);
    for (let i = 0; i < 1 + random() * 4; i++) body[Math.floor(random() * body.length)] = Math.floor(random() * 256);
    return http({ line: `POST ${path} HTTP/1.1`, body });
  },
  'cut off': (random) =>
    http({
      line: `POST ${pick(random, [SCORE, INFER])} HTTP/1.1`,
      body: Buffer.from(VALID_V2.slice(0, Math.floor(random() * VALID_V2.length))),
    }),
  'noise as a body': (random) =>
    http({ line: `POST ${pick(random, [SCORE, INFER])} HTTP/1.1`, body: noise(random, Math.floor(random() * 300)) }),
  'a strange value': (random) => http({ body: Buffer.from(`{"data":[[5.1,3.5,${pick(random, VALUES)},0.2]]}`) }),
  'a strange value in V2': (random) =>
    http({
      line: `POST ${INFER} HTTP/1.1`,
      body: Buffer.from(
        VALID_V2.replace(pick(random, ['5.1', '"FP32"', '[1,4]', '"X"', '"1"', '"data":']), pick(random, VALUES)),
      ),
    }),
  'a strange value in a data frame': (random) =>
    http({
      line: 'POST /invocations HTTP/1.1',
      body: Buffer.from(
        VALID_MLFLOW.replace(
          pick(random, ['"a"', '["a","b","c","d"]', '5.1', '[5.1,3.5,1.4,0.2]', '[[5.1,3.5,1.4,0.2]]', '{']),
          pick(random, [...VALUES, '{"params":{"a":1},', '{"toString":1}', `${'['.repeat(5000)}${']'.repeat(5000)}`]),
        ),
      ),
    }),
  'the same key twice': (random) => http({ body: Buffer.from(`{"data":[[1,2,3,4]],"data":${pick(random, VALUES)}}`) }),
  'a prototype': (random) =>
    http({
      line: `POST ${pick(random, [SCORE, INFER])} HTTP/1.1`,
      body: Buffer.from(
        pick(random, [
          '{"__proto__":{"data":[[1,2,3,4]]}}',
          '{"constructor":{"prototype":{}},"data":[[1,2,3,4]]}',
          '{"inputs":{"__proto__":1}}',
          '{"inputs":[{"__proto__":null,"name":"toString","shape":[1,4],"datatype":"constructor","data":[]}]}',
        ]),
      ),
    }),
  'deep lists': (random) => {
    const depth = Math.floor(random() * 50_000);
    return http({
      line: `POST ${pick(random, [SCORE, INFER])} HTTP/1.1`,
      body: Buffer.from(
        pick(random, [
          `{"data":${'['.repeat(depth)}${']'.repeat(depth)}}`,
          `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
          `{"inputs":[{"name":"X","shape":[1,4],"datatype":"FP32","data":${'['.repeat(depth)}${']'.repeat(depth)}}]}`,
          '['.repeat(depth),
        ]),
      ),
    });
  },
  'wrong shapes': (random) =>
    http({
      line: `POST ${INFER} HTTP/1.1`,
      body: Buffer.from(
        VALID_V2.replace(
          '[1,4]',
          pick(random, [
            '[4]',
            '[2,4]',
            '[-1,4]',
            '[1e9,1e9]',
            '[1,4,1]',
            '[0,4]',
            '["1",4]',
            '[1.5,4]',
            '[9007199254740991,4]',
          ]),
        ),
      ),
    }),
  'binary lengths': (random) => {
    const json = Buffer.from(
      `{"inputs":[{"name":"X","shape":[1,4],"datatype":"${pick(random, ['FP32', 'BYTES', 'FP16', 'INT64'])}","parameters":{"binary_data_size":${pick(random, ['16', '0', '-1', '1e9', '"16"', '15', '17'])}}}]}`,
    );
    return http({
      line: `POST ${INFER} HTTP/1.1`,
      headers: [
        `inference-header-content-length: ${pick(random, [String(json.length), '0', '-5', '99999999', 'x', String(json.length - 1)])}`,
      ],
      body: Buffer.concat([json, noise(random, Math.floor(random() * 40))]),
    });
  },
  'a false Content-Length': (random) =>
    http({ length: pick(random, [VALID.length - 3, VALID.length + 5, -1, 1e15, 17 * 2 ** 20]) }),
  'two lengths': (random) =>
    http({
      headers: [
        pick(random, ['content-length: 5', 'transfer-encoding: chunked', 'transfer-encoding: chunked, identity']),
      ],
    }),
  'broken chunks': (random) =>
    http({
      line: `${pick(random, ['POST /score', 'POST /invocations', 'GET /swagger.json?version=3', 'GET /v2/models/iris', 'OPTIONS /score'])} HTTP/1.1`,
      length: null,
      headers: ['transfer-encoding: chunked'],
      body: Buffer.from(
        pick(random, [
          'zz\r\nabc\r\n0\r\n\r\n',
          '5\r\nab\r\n0\r\n\r\n',
          'ffffffffffff\r\nabc',
          '3;x=y\r\n{} \r\n0\r\n\r\n',
          '-1\r\n\r\n',
          '0\r\n\r\n',
        ]),
      ),
    }),
  'a false encoding': (random) =>
    http({
      headers: [`content-encoding: ${pick(random, ['gzip', 'deflate', 'br', 'zstd', '__proto__', 'gzip, gzip', ''])}`],
      body: noise(random, 50),
    }),
  'a request line': (random) =>
    http({
      line: pick(random, [
        'POST /score HTTP/9.9',
        'POST  /score HTTP/1.1',
        'BREW /score HTTP/1.1',
        'POST /%zz/..%2f HTTP/1.1',
        'POST score HTTP/1.1',
        'CONNECT x:1 HTTP/1.1',
        'POST http://[::1/score HTTP/1.1',
        `POST /${'a'.repeat(20_000)} HTTP/1.1`,
        'POST /score?%ff=%00 HTTP/1.1',
        'TRACE /score HTTP/1.1',
        '\0\0\0',
      ]),
    }),
  'a query': (random) =>
    http({
      line: `GET /score?${encodeURI(noise(random, 30).toString('latin1')).replaceAll('%2', '%')}=1&a[]=${pick(random, VALUES)} HTTP/1.1`,
      length: 0,
      body: Buffer.alloc(0),
    }),
  headers: (random) =>
    http({
      headers: pick(random, [
        [`x: ${'a'.repeat(20_000)}`],
        Array.from({ length: 3000 }, (_, i) => `h${i}: 1`),
        ['x y: 1'],
        [': 1'],
        ['x\0: 1'],
        ['x: \x01'],
        ['expect: 100-continue'],
        ['expect: nonsense'],
        ['upgrade: websocket', 'connection: upgrade'],
        [`x-request-id: ${'é'.repeat(90)}`],
        [`x-request-id: ${'a'.repeat(101)}`],
        ['authorization: Bearer'],
        ['x-request-id: a', 'x-request-id: b'],
      ]),
    }),
  'another model': (random) =>
    http({
      line: `POST /v2/models/${pick(random, ['%', '..', '__proto__', 'iris%00', encodeURIComponent('ü'.repeat(1000))])}/infer HTTP/1.1`,
    }),
  noise: (random) => noise(random, 1 + Math.floor(random() * 500)),
};

export interface Hostile {
  way: string;
  bytes: Buffer;
}

/** Endless, and the same for the same seed. */
export function* hostileRequests(seed: number): Generator<Hostile, never> {
  const random = generator(seed);
  const names = Object.keys(WAYS);
  for (let i = 0; ; i++) {
    const way = names[i % names.length]!;
    yield { way, bytes: WAYS[way]!(random) };
  }
}
