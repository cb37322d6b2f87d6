/**
 * The V2 protocol is read and written in two places: in TypeScript for models, and in Python for scripts in Python.
 * Both take the same requests, and refuse the same ones.
 */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { decodeInfer } from '../../../scorer-image/protocols/inferRequest.ts';
import { encodeInfer } from '../../../scorer-image/protocols/inferResponse.ts';
import { pythonWith } from '../../support/clients/venv.ts';

/** Reads each body, and answers with its inputs as outputs: base64 of the response, or the refusal. */
const PYTHON = `
import base64, json, sys
from penstock_worker.infer import InferRequest
from penstock_worker.user_script import BadInput
answers = []
for body, json_bytes in json.load(sys.stdin):
    try:
        request = InferRequest(base64.b64decode(body), json_bytes)
        outputs = [{key: one[key] for key in ("name", "datatype", "shape", "data")} for one in request.inputs]
        answer, length = request.response({"outputs": outputs}, "m", "1")
        answers.append([base64.b64encode(answer).decode(), length])
    except BadInput as error:
        answers.append(str(error))
json.dump(answers, sys.stdout)
`;
type Case = [what: string, body: Buffer, jsonBytes?: number];

const x = { name: 'x', shape: [2], datatype: 'FP32', data: [1, 2] };
const json = (what: string, input: object, more: object = {}): Case => [
  what,
  Buffer.from(JSON.stringify({ inputs: [{ ...x, ...input }], ...more })),
];
const binary = (what: string, input: object, bytes: Buffer, more: object = {}): Case => {
  const { data: _, ...rest } = { ...x, parameters: { binary_data_size: bytes.length }, ...input } as Record<
    string,
    unknown
  >;
  const head = Buffer.from(JSON.stringify({ inputs: [rest], ...more }));
  return [what, Buffer.concat([head, bytes]), head.length];
};
const strings = (...texts: string[]): Buffer =>
  Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
const text = (what: string, body: string): Case => [what, Buffer.from(body)];

const TAKEN: Case[] = [
  json('floats', { data: [0.1, 1e-7] }),
  json('nested lists', {
    shape: [2, 2],
    data: [
      [1, 2],
      [3, 4],
    ],
  }),
  json('a missing value', { data: [null, 1] }),
  json('booleans as floats', { data: [true, false] }),
  json('booleans', { datatype: 'BOOL', data: [true, 0] }),
  json('whole numbers that are written as floats', { datatype: 'INT32', data: [1.0, -2] }),
  text(
    '64-bit integers',
    '{"inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[9223372036854775807,-9223372036854775808]}]}',
  ),
  text(
    'large unsigned integers',
    '{"inputs":[{"name":"x","shape":[2],"datatype":"UINT64","data":[18446744073709551615,1]}]}',
  ),
  json('texts', { datatype: 'BYTES', data: ['\u00e4', ''] }),
  json('texts in base64', { datatype: 'BYTES', data: ['w6Q=', '/wA='], parameters: { content_type: 'base64' } }),
  json('no values', { shape: [0, 4], data: [] }),
  json('a scalar', { shape: [], data: [7] }),
  json('an id', {}, { id: 'a' }),
  json('an id that is no text', {}, { id: 7 }),
  json('wanted outputs', {}, { outputs: [{ name: 'x', parameters: { binary_data: true } }] }),
  json('binary outputs', {}, { parameters: { binary_data_output: true } }),
  json('double precision', { datatype: 'FP64', data: [0.1, 1e300] }),
  binary('binary floats', {}, Buffer.from(Float32Array.of(1.5, NaN).buffer)),
  binary('binary halves', { datatype: 'FP16' }, Buffer.from(Float16Array.of(1.5, 2).buffer), {
    parameters: { binary_data_output: true },
  }),
  binary('binary texts', { datatype: 'BYTES' }, strings('\u00e4', 'b')),
];
const REFUSED: Case[] = [
  text('no JSON', '{'),
  text('NaN', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[NaN]}]}'),
  text('a list', '[]'),
  text('no inputs', '{}'),
  text('inputs that are no list', '{"inputs": {}}'),
  text('an input that is no object', '{"inputs": [1]}'),
  json('an input without a name', { name: 1 }),
  json('an unknown datatype', { datatype: 'FP8' }),
  json('a shape of another kind', { shape: ['2'] }),
  json('a negative dimension', { shape: [-1] }),
  json('too many dimensions', { shape: Array(33).fill(1) }),
  json('too few values', { shape: [3] }),
  json('lists of different lengths', { shape: [2, 2], data: [[1], [2, 3, 4]] }),
  json('lists that are nested too deeply', { shape: [2], data: [[[[1]]], [[[2]]]] }),
  json('more values than can be counted', { shape: [2 ** 40, 2 ** 40] }),
  text(
    'a dimension of thousands of digits',
    `{"inputs":[{"name":"x","shape":[1${'0'.repeat(4000)},0],"datatype":"FP32","data":[]}]}`,
  ),
  json('a text as a float', { data: ['1', 2] }),
  json('a list of another depth', { data: [[{}], 1] }),
  json('a fraction as an integer', { datatype: 'INT32', data: [1.5, 1] }),
  json('an integer that is too large', { datatype: 'INT8', data: [128, 1] }),
  json('a negative unsigned integer', { datatype: 'UINT8', data: [-1, 1] }),
  json('two as a boolean', { datatype: 'BOOL', data: [2, 1] }),
  json('a number as a text', { datatype: 'BYTES', data: [1, 'a'] }),
  json('no base64', { datatype: 'BYTES', data: ['!', 'YQ=='], parameters: { content_type: 'base64' } }),
  text('a float that is too large', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e400]}]}'),
  json('a float that is too large for its datatype', { data: [1e39, 1] }),
  json('FP16 in JSON', { datatype: 'FP16' }),
  json('data of another kind', { data: 'x' }),
  json('an unknown output', {}, { outputs: [{ name: 'y' }] }),
  json('an output without a name', {}, { outputs: [{}] }),
  json('an output twice', {}, { outputs: [{ name: 'x' }, { name: 'x' }] }),
  json('outputs of another kind', {}, { outputs: 'x' }),
  binary('too few bytes', {}, Buffer.alloc(4)),
  binary('a size that is larger than what was sent', { parameters: { binary_data_size: 9 } }, Buffer.alloc(8)),
  binary('bytes after the last tensor', { parameters: { binary_data_size: 8 } }, Buffer.alloc(9)),
  binary('a text that is cut', { datatype: 'BYTES' }, strings('ab').subarray(0, 5)),
  ['a length that is larger than the body', Buffer.from('{}'), 9],
];

/** As the route does it: the outputs that were asked for, or the refusal. */
function inTypeScript([, body, jsonBytes]: Case): [Buffer, number | null] | string {
  try {
    const asked = decodeInfer(body, jsonBytes);
    const named = (name: string) => asked.inputs.find((one) => one.name === name);
    const missing = asked.outputs?.find(({ name }) => !named(name));
    if (missing) return `unknown output ${missing.name}; there is x`;
    const results = asked.outputs ? asked.outputs.map(({ name }) => named(name)!) : asked.inputs;
    const response = encodeInfer(asked, { name: 'm', version: '1' }, results);
    return [Buffer.from(response.body), response.jsonBytes ?? null];
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the V2 protocol in Python', function () {
  this.timeout(120_000);
  let answers: ([string, number | null] | string)[];
  const all = [...TAKEN, ...REFUSED];
  before(() => {
    const python = pythonWith(['azureml-inference-server-http==1.5.1', 'inference-schema==1.8', 'numpy==2.2.6']);
    const said = execFileSync(python, ['-c', PYTHON], {
      cwd: join(import.meta.dirname, '../../../scorer-image/python'),
      input: JSON.stringify(all.map(([, body, jsonBytes]) => [body.toString('base64'), jsonBytes ?? null])),
      maxBuffer: 2 ** 26,
    });
    answers = JSON.parse(said.toString()) as typeof answers;
  });

  for (const [i, one] of TAKEN.entries())
    it(`${one[0]}: the same response`, () => {
      const [body, jsonBytes] = answers[i] as [string, number | null];
      const bytes = Buffer.from(body, 'base64');
      const wanted = inTypeScript(one) as [Buffer, number | null];
      const split = (all: Buffer, at: number | null) => [
        JSON.parse(all.toString('utf8', 0, at ?? all.length)) as unknown,
        all.toString('hex', at ?? all.length),
      ];
      expect(split(bytes, jsonBytes)).to.deep.equal(split(...wanted));
    });

  for (const [i, one] of REFUSED.entries())
    it(`${one[0]}: refused in both`, () => {
      expect(inTypeScript(one), 'TypeScript').to.be.a('string');
      expect(answers[TAKEN.length + i], 'Python').to.be.a('string');
    });
});
