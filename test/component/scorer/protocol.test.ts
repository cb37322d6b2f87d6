/** The Open Inference Protocol V2 over real HTTP: JSON and binary tensors, both ways, and what it says to bad ones. */
import { expect } from 'chai';
import { gzipSync } from 'node:zlib';
import { identity, onnx } from '../../support/fixtures/onnx.ts';
import { scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';

describe('the Open Inference Protocol', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const post = (model: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    fetch(`${scorer.url}/v2/models/${model}/infer`, { method: 'POST', body: body as string, headers });
  const binary = (model: string, json: object, ...blobs: Uint8Array[]) => {
    const head = Buffer.from(JSON.stringify(json));
    return post(model, Buffer.concat([head, ...blobs]), { 'inference-header-content-length': String(head.length) });
  };

  const types: [string, NodeJS.TypedArray<ArrayBuffer>][] = [
    ['FP16', Float16Array.of(1.5, -2)],
    ['FP32', Float32Array.of(1.5, -2)],
    ['FP64', Float64Array.of(1.1, -2)],
    ['INT8', Int8Array.of(-128, 127)],
    ['UINT8', Uint8Array.of(0, 255)],
    ['INT16', Int16Array.of(-32768, 1)],
    ['UINT16', Uint16Array.of(0, 65535)],
    ['INT32', Int32Array.of(-(2 ** 31), 1)],
    ['UINT32', Uint32Array.of(0, 2 ** 32 - 1)],
    ['INT64', BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)],
    ['UINT64', BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ['BOOL', Uint8Array.of(1, 0)],
  ];
  for (const [datatype, data] of types) {
    it(`${datatype}: the same bytes come back`, async () => {
      scorer = await start({ model: { name: 'same', bytes: identity(datatype, [-1, 1]) } });
      const bytes = new Uint8Array(data.buffer);
      const answer = await binary(
        'same',
        {
          id: 'a',
          inputs: [{ name: 'x', shape: [2, 1], datatype, parameters: { binary_data_size: bytes.length } }],
          outputs: [{ name: 'y', parameters: { binary_data: true } }],
        },
        bytes,
      );
      expect(answer.status, await answer.clone().text()).to.equal(200);
      const body = Buffer.from(await answer.arrayBuffer());
      const length = Number(answer.headers.get('inference-header-content-length'));
      expect(JSON.parse(body.subarray(0, length).toString())).to.deep.equal({
        model_name: 'same',
        model_version: '1',
        id: 'a',
        outputs: [{ name: 'y', datatype, shape: [2, 1], parameters: { binary_data_size: bytes.length } }],
      });
      expect([...body.subarray(length)]).to.deep.equal([...bytes]);
    });
  }

  it('BYTES: texts in JSON, and with their lengths in binary', async () => {
    scorer = await start({ model: { name: 'same', bytes: identity('BYTES', [-1]) } });
    const blob = Buffer.from('\x01\x00\x00\x00a\x02\x00\x00\x00\xc3\xbc', 'latin1');
    const answer = await binary(
      'same',
      { inputs: [{ name: 'x', shape: [2], datatype: 'BYTES', parameters: { binary_data_size: blob.length } }] },
      blob,
    );
    expect(((await answer.json()) as { outputs: { data: unknown }[] }).outputs[0]!.data).to.deep.equal(['a', 'ü']);
    const back = await post(
      'same',
      JSON.stringify({
        inputs: [{ name: 'x', shape: [2], datatype: 'BYTES', data: ['a', 'ü'] }],
        parameters: { binary_data_output: true },
      }),
    );
    expect(
      Buffer.from(await back.arrayBuffer())
        .subarray(-blob.length)
        .equals(blob),
    ).to.equal(true);
  });

  it('64-bit integers are exact in JSON, a compressed body is unpacked, and a 400 keeps the connection', async () => {
    scorer = await start({ model: { name: 'same', bytes: identity('INT64', [-1]) } });
    const text =
      '{"inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[9007199254740993,-9223372036854775808]}]}';
    for (const [body, headers] of [
      [text, {}],
      [gzipSync(text), { 'content-encoding': 'gzip' }],
    ] as const)
      expect(await (await post('same', body, headers)).text()).to.contain(
        '"data":[9007199254740993,-9223372036854775808]',
      );
  });

  describe('tells what is wrong', () => {
    const x = { name: 'x', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] };
    const rows: [string, object | string, string | RegExp][] = [
      ['too few values', { inputs: [{ ...x, data: [1, 2, 3] }] }, 'inputs[0].data has 3 values, shape [1,4] needs 4'],
      [
        'another width',
        { inputs: [{ ...x, shape: [1, 3], data: [1, 2, 3] }] },
        'inputs[0].shape is [1,3], x is [-1,4]',
      ],
      ['another type', { inputs: [{ ...x, datatype: 'FP64' }] }, 'inputs[0].datatype is FP64, x is FP32'],
      [
        'an unknown type',
        { inputs: [{ ...x, datatype: '__proto__' }] },
        'inputs[0].datatype is "__proto__", which the protocol does not know',
      ],
      ['another name', { inputs: [{ ...x, name: 'z' }] }, 'inputs[0].name is "z"; the model has x'],
      ['no inputs', { inputs: [] }, /^inputs must be a list/],
      ['the same twice', { inputs: [x, x] }, 'input x is there twice'],
      ['the same output twice', { inputs: [x], outputs: [{ name: 'y' }, { name: 'y' }] }, 'output y is there twice'],
      [
        'too many tensors',
        { inputs: Array.from({ length: 1001 }, () => x) },
        'there are 1001 inputs; 1000 is the most',
      ],
      ['an unknown output', { inputs: [x], outputs: [{ name: 'z' }] }, 'unknown output z; the model has y'],
      [
        'a shape that is none',
        { inputs: [{ ...x, shape: [1e308, 1e308] }] },
        'inputs[0].shape must be a list of whole numbers',
      ],
      ['no object', '[]', 'the body must be a JSON object with inputs'],
      ['no JSON', '{', /^the body is not JSON/],
      [
        'a text as number',
        { inputs: [{ ...x, data: [1, 2, 3, '4'] }] },
        'inputs[0].data has "4" at place 3, which is not FP32',
      ],
      [
        'bytes that are not there',
        { inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 16 } }] },
        'inputs[0].parameters.binary_data_size is 16, 0 bytes are left',
      ],
    ];
    beforeEach(async () => {
      scorer = await start({ model: { name: 'same', bytes: identity('FP32', [-1, 4]) } });
    });
    it('refuses each with 400 and one sentence', async () => {
      for (const [what, body, error] of rows) {
        const answer = await post('same', typeof body === 'string' ? body : JSON.stringify(body));
        const json = (await answer.json()) as { error: string };
        expect(answer.status, what).to.equal(400);
        if (typeof error === 'string') expect(json.error, what).to.equal(error);
        else expect(json.error, what).to.match(error);
      }
      const length = await post('same', '{}', { 'inference-header-content-length': '99' });
      expect(await length.json()).to.deep.equal({
        error: 'Inference-Header-Content-Length is 99, the body has 2 bytes',
      });
      expect((await post('other', '{}')).status).to.equal(404);
      expect((await post('same', 'x', { 'content-encoding': 'br' })).status).to.equal(415);
      expect((await post('same', 'x', { 'content-encoding': 'gzip' })).status).to.equal(400);
      expect(
        (await post('same', gzipSync(Buffer.alloc(64 * 2 ** 20)), { 'content-encoding': 'gzip' })).status,
      ).to.equal(413);
      const bomb = await post('same', gzipSync(Buffer.alloc(2 * 2 ** 20)), { 'content-encoding': 'gzip' });
      expect([bomb.status, await bomb.text()]).to.deep.equal([
        413,
        '{"error":"unpacked, the body is more than 100 times as large as it came: send it without Content-Encoding"}',
      ]);
    });
  });

  it('a refusal by the model itself is 400 on each path', async () => {
    const weights = [{ name: 'w', shape: [4, 3], data: new Float32Array(12).fill(1) }];
    const open = onnx({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
      weights,
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    });
    scorer = await start({ model: { name: 'wide', bytes: open } });
    for (const [width, status] of [
      [5, 400],
      [4, 200],
    ] as const) {
      const row = new Array<number>(width).fill(1);
      for (const [path, body] of Object.entries({
        '/score': { data: [row] },
        '/invocations': { instances: [row] },
        '/v2/models/wide/infer': { inputs: [{ name: 'x', shape: [1, width], datatype: 'FP32', data: row }] },
      })) {
        const answer = await fetch(scorer.url + path, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        });
        expect(answer.status, `${path} with ${width}`).to.equal(status);
        expect(await answer.text(), path).to.contain(
          status === 200 ? '4,4,4' : 'the model cannot run on this input: its dimensions or values do not fit together',
        );
      }
    }
  });

  it('a script takes tensors and gives tensors', async () => {
    scorer = await start({ script: 'tensors.ts' });
    expect((await fetch(`${scorer.url}/v2/models/iris/ready`)).status).to.equal(200);
    expect(await (await fetch(`${scorer.url}/v2/models/iris`)).json()).to.include({ name: 'iris', platform: 'script' });
    expect((await post('iris/versions/another', '{}')).status).to.equal(404);
    const answer = await post(
      'iris',
      JSON.stringify({ id: '7', inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2.5] }] }),
    );
    expect(await answer.json()).to.deep.equal({
      model_name: 'iris',
      model_version: 'iris-1',
      id: '7',
      outputs: [{ name: 'twice_x', datatype: 'FP32', shape: [1, 2], data: [2, 5] }],
    });
  });
});
