/** Requests that are small on the wire or just as large as they may be, and cost as much as they can, seeded. */
import { gzipSync } from 'node:zlib';
import { generator } from '../fault-injection/plans.ts';

export interface Costly {
  what: string;
  path: string;
  body: Buffer;
  headers: Record<string, string>;
}

const MIB = 2 ** 20;
const JSON_TYPE = { 'content-type': 'application/json' };
const SMALL_BYTES = 64 * 1024;
const LARGE_BYTES = 16 * MIB;

/** Texts of about `size` bytes, by what they hold. */
const TEXTS: Record<string, (size: number) => { path: string; text: string }> = {
  'rows that are right': (size) => ({
    path: '/score',
    text: `{"data":[${'[1,2,3,4],'.repeat(size / 10 - 3)}[1,2,3,4]]}`,
  }),
  'rows of a data frame': (size) => ({
    path: '/invocations',
    text: `{"dataframe_records":[${'{"a":1,"b":2,"c":3,"d":4},'.repeat(size / 26 - 3)}{"a":1,"b":2,"c":3,"d":4}]}`,
  }),
  'a split without rows': (size) => ({
    path: '/invocations',
    text: `{"dataframe_split":{"columns":[${'"c",'.repeat(size / 4 - 20)}"c"],"data":[]}}`,
  }),
  'one row': (size) => ({ path: '/score', text: `{"data":[[${'1,'.repeat(size / 2 - 10)}1]]}` }),
  'empty rows': (size) => ({ path: '/score', text: `{"data":[${'[],'.repeat(size / 3 - 5)}[]]}` }),
  objects: (size) => ({ path: '/score', text: `{"data":[${'{},'.repeat(size / 3 - 5)}{}]}` }),
  keys: (size) => ({
    path: '/score',
    text: `{"data":[[1,2,3,4]]${Array.from({ length: size / 12 }, (_, i) => `,"${i.toString(36)}":1`).join('')}}`,
  }),
  depth: (size) => ({ path: '/score', text: `{"data":${'['.repeat(size / 2 - 8)}${']'.repeat(size / 2 - 8)}}` }),
  digits: (size) => ({ path: '/score', text: `{"data":[[${'9'.repeat(size - 20)},2,3,4]]}` }),
  fractions: (size) => ({
    path: '/score',
    text: `{"data":[${'[0.1234567,1e-300,-0.0,1e300],'.repeat(size / 31 - 2)}[1,2,3,4]]}`,
  }),
  'a tensor': (size) => ({
    path: '/v2/models/iris/infer',
    text: `{"inputs":[{"name":"X","shape":[${Math.floor(size / 8)},4],"datatype":"FP32","data":[${'1,'.repeat(Math.floor(size / 8) * 4 - 1)}1]}]}`,
  }),
  'a nested tensor': (size) => ({
    path: '/v2/models/iris/infer',
    text: `{"inputs":[{"name":"X","shape":[${Math.floor(size / 10)},4],"datatype":"FP32","data":[${'[1,1,1,1],'.repeat(Math.floor(size / 10) - 1)}[1,1,1,1]]}]}`,
  }),
  inputs: (size) => ({
    path: '/v2/models/iris/infer',
    text: `{"inputs":[${'{"name":"X","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},'.repeat(size / 63 - 2)}{"name":"X","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}`,
  }),
  dimensions: (size) => ({
    path: '/v2/models/iris/infer',
    text: `{"inputs":[{"name":"X","shape":[${'1,'.repeat(size / 2 - 60)}4],"datatype":"FP32","data":[1,2,3,4]}]}`,
  }),
  texts: (size) => ({
    path: '/v2/models/iris/infer',
    text: `{"inputs":[{"name":"X","shape":[1,4],"datatype":"BYTES","data":["${'\\u0000'.repeat(size / 6 - 20)}"]}]}`,
  }),
  outputs: (size) => ({
    path: '/v2/models/iris/infer',
    text: `{"inputs":[{"name":"X","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}],"outputs":[${'{"name":"label"},'.repeat(size / 17 - 10)}{"name":"label"}]}`,
  }),
};

/** As it is, or packed as far as it goes: then it is `size` bytes of text, and far fewer on the wire. */
function request(what: string, size: number, packed: boolean): Costly {
  const { path, text } = TEXTS[what]!(size);
  const plain = Buffer.from(text);
  return packed
    ? {
        what: `${what}, ${size} bytes packed`,
        path,
        body: gzipSync(plain),
        headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
      }
    : { what: `${what}, ${size} bytes`, path, body: plain, headers: JSON_TYPE };
}

/** `count` requests of at most 64 KiB on the wire: every kind in turn, plain and packed, of every size. */
export function* smallRequests(count: number, seed: number): Generator<Costly> {
  const random = generator(seed);
  const names = Object.keys(TEXTS);
  for (let i = 0; i < count; i++) {
    const packed = random() < 0.5;
    const made = request(
      names[i % names.length]!,
      Math.floor(packed ? MIB * (0.5 + random() * 15) : SMALL_BYTES * (0.1 + 0.8 * random())),
      packed,
    );
    if (made.body.length <= SMALL_BYTES) yield made;
  }
}

/** `count` requests of just what a body may have. */
export function* largeRequests(count: number): Generator<Costly> {
  const names = Object.keys(TEXTS);
  for (let i = 0; i < count; i++) yield request(names[(i * 3) % names.length]!, LARGE_BYTES - 4096, false);
}
