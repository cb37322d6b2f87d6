/**
 * Numbers, shapes and bytes over real HTTP: each request's values reach the model as they were sent, on every route.
 */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { identity, onnx, type Value } from '../../support/fixtures/onnx.ts';
import { scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';

const fixture = (path: string): Buffer =>
  readFileSync(join(import.meta.dirname, '../../support/fixtures/models', path));
const json = { 'content-type': 'application/json' };

describe('values', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const start = scorerPerTest();
  const post = async (path: string, body: unknown): Promise<{ status: number; text: string }> => {
    const answer = await fetch(`${scorer.url}${path}`, {
      method: 'POST',
      headers: json,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const serve = async (bytes: Buffer, env: Record<string, string> = {}): Promise<void> =>
    void (scorer = await start({ model: { name: 'm', bytes }, env }));
  const infer = '/v2/models/m/infer';

  it('null is a missing value on every route, and comes back as null', async () => {
    await serve(identity('FP64', [-1, 2]));
    const rows: [string, unknown, string][] = [
      ['/score', { data: [[1, null]] }, '{"y":[[1,null]]}'],
      [
        '/invocations',
        { dataframe_split: { columns: ['a', 'b'], data: [[1, null]] } },
        '{"predictions":{"y":[[1,null]]}}',
      ],
      [infer, { inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP64', data: [1, null] }] }, '"data":[1,null]'],
    ];
    for (const [path, body, expected] of rows) expect((await post(path, body)).text, path).to.contain(expected);
    expect(await post('/score', '{"data": [[1, NaN]]}')).to.deep.include({
      status: 400,
      text: '{"message":"the body is not JSON: it holds NaN, for which JSON has no word; write null for a missing value"}',
    });
  });

  it('a long whole number is valid for a float input beside exact 64-bit integers', async () => {
    const values = (names: [string, string]): Value[] => [
      { name: names[0], datatype: 'INT64', shape: ['batch', 1] },
      { name: names[1], datatype: 'FP64', shape: ['batch', 1] },
    ];
    await serve(
      onnx({
        inputs: values(['id', 'x']),
        outputs: values(['id_out', 'y']),
        nodes: [
          { op: 'Identity', inputs: ['id'], outputs: ['id_out'] },
          { op: 'Identity', inputs: ['x'], outputs: ['y'] },
        ],
      }),
    );
    expect((await post('/score', '{"id": [[9007199254740993]], "x": [[1700000000000000000]]}')).text).to.equal(
      '{"id_out":[[9007199254740993]],"y":[[1700000000000000000]]}',
    );
    const { text } = await post(
      infer,
      '{"inputs": [{"name": "id", "shape": [1,1], "datatype": "INT64", "data": [7]}, {"name": "x", "shape": [1,1], "datatype": "FP64", "data": [1700000000000000000]}]}',
    );
    expect(text).to.contain('"data":[1700000000000000000]');
  });

  it('a single number as an input: a number in JSON, shape [] or [1] on V2', async () => {
    const x: Value = { name: 'x', datatype: 'FP32', shape: ['batch', 2] };
    await serve(
      onnx({
        inputs: [x, { name: 'limit', datatype: 'FP32', shape: [] }],
        outputs: [{ name: 'y', datatype: 'BOOL', shape: ['batch', 2] }],
        nodes: [{ op: 'Greater', inputs: ['x', 'limit'], outputs: ['y'] }],
      }),
    );
    expect((await post('/score', { x: [[1, 3]], limit: 2 })).text).to.equal('{"y":[[false,true]]}');
    expect((await post('/invocations', { inputs: { x: [[1, 3]], limit: 2 } })).text).to.equal(
      '{"predictions":{"y":[[false,true]]}}',
    );
    for (const shape of [[], [1]]) {
      const { status, text } = await post(infer, {
        inputs: [
          { name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 3] },
          { name: 'limit', shape, datatype: 'FP32', data: [2] },
        ],
      });
      expect(status, text).to.equal(200);
    }
  });

  it('rows of unequal length are refused', async () => {
    await serve(identity('FP32', [-1, 3]));
    expect(
      await post(infer, {
        inputs: [
          {
            name: 'x',
            shape: [2, 3],
            datatype: 'FP32',
            data: [
              [1, 2],
              [3, 4, 5, 6],
            ],
          },
        ],
      }),
    ).to.deep.equal({ status: 400, text: '{"error":"inputs[0].data[0] has 2 values, shape [2,3] has 3 there"}' });
  });

  it('an image is byte for byte the same, in binary and in base64', async () => {
    scorer = await start({ script: 'image.ts' });
    const image = Buffer.from([0xff, 0xd8, 0, 1, 0xfe, 0x80, 10, 13]);
    const sha256 = createHash('sha256').update(image).digest('hex');
    const length = Buffer.alloc(4);
    length.writeUInt32LE(image.length);
    const head = Buffer.from(
      JSON.stringify({
        inputs: [{ name: 'image', shape: [1], datatype: 'BYTES', parameters: { binary_data_size: image.length + 4 } }],
        outputs: [{ name: 'sha256' }, { name: 'kind' }, { name: 'same', parameters: { binary_data: true } }],
      }),
    );
    const answer = await fetch(`${scorer.url}/v2/models/iris/infer`, {
      method: 'POST',
      body: Buffer.concat([head, length, image]),
      headers: { 'inference-header-content-length': String(head.length) },
    });
    const body = Buffer.from(await answer.arrayBuffer());
    expect(body.toString('latin1')).to.contain(sha256).and.to.contain('"object"');
    expect(body.subarray(-image.length).equals(image)).to.equal(true);
    const base64 = (
      await post('/v2/models/iris/infer', {
        inputs: [
          {
            name: 'image',
            shape: [1],
            datatype: 'BYTES',
            data: [image.toString('base64')],
            parameters: { content_type: 'base64' },
          },
        ],
      })
    ).text;
    expect(base64)
      .to.contain(sha256)
      .and.to.contain(`"parameters":{"content_type":"base64"},"data":["${image.toString('base64')}"]`);
    expect(
      (
        await post('/v2/models/iris/infer', {
          inputs: [
            { name: 'image', shape: [1], datatype: 'BYTES', data: ['a b'], parameters: { content_type: 'base64' } },
          ],
        })
      ).text,
    ).to.contain('what is not base64');
  });

  it('a text with NUL or invalid UTF-8 is refused', async () => {
    await serve(identity('BYTES', [-1]));
    for (const text of ['"a\\u0000b"', '"\\ud800"'])
      expect((await post('/score', `{"data": [${text}]}`)).text).to.contain('it must be valid UTF-8 without NUL');
    expect((await post('/score', { data: ['ü 🎬'] })).text).to.equal('{"y":["ü 🎬"]}');
  });

  it('a classifier with ZipMap serves its scores, with the names of the classes', async () => {
    await serve(fixture('others/zipmap.onnx'));
    const answer = JSON.parse((await post('/score', { data: [[5.1, 3.5, 1.4, 0.2]] })).text) as {
      output_label: string[];
      output_probability: number[][];
      classes: string[];
    };
    expect(answer).to.deep.include({ output_label: ['setosa'], classes: ['setosa', 'versicolor', 'virginica'] });
    expect(answer.output_probability[0]![0]).to.be.closeTo(0.98157, 1e-4);
    const metadata = (await (await fetch(`${scorer.url}/v2/models/m`)).json()) as { outputs: unknown[] };
    expect(metadata.outputs[1]).to.deep.equal({
      name: 'output_probability',
      datatype: 'FP32',
      shape: [-1, 3],
      parameters: { classes: ['setosa', 'versicolor', 'virginica'] },
    });
  });

  it('a text model of scikit-learn loads without locales of the machine', async () => {
    await serve(fixture('others/text.onnx'));
    const answer = JSON.parse((await post('/score', { data: ['GOOD movie', 'Awful'] })).text) as { label: string[] };
    expect(answer.label).to.deep.equal(['pos', 'neg']);
  });

  it('data frames of pandas and Azure ML clients are accepted', async () => {
    const columns = (names: string[]): Value[] =>
      names.map((name) => ({ name, datatype: 'FP32', shape: ['batch', 1] }));
    await serve(
      onnx({
        inputs: columns(['a', 'b']),
        outputs: columns(['y']),
        nodes: [{ op: 'Sub', inputs: ['a', 'b'], outputs: ['y'] }],
      }),
    );
    const rows: [string, unknown, string][] = [
      ['mixed columns in the order of the inputs', { data: [[5, true]] }, '{"y":[[4]]}'],
      ['lists of values as columns', { a: [[5]], b: [[1]] }, '{"y":[[4]]}'],
      [
        'records',
        {
          data: [
            { b: 1, a: 5 },
            { b: 2, a: 5 },
          ],
        },
        '{"y":[[4],[3]]}',
      ],
      ['a bare list of records', [{ b: 1, a: 5 }], '{"y":[[4]]}'],
      ['input_data, split', { input_data: { columns: ['b', 'a'], index: [0], data: [[1, 5]] } }, '{"y":[[4]]}'],
      ['input_data, rows', { input_data: [[5, 1]] }, '{"y":[[4]]}'],
      ['Inputs', { Inputs: { WebServiceInput0: [{ b: 1, a: 5 }] }, GlobalParameters: {} }, '{"y":[[4]]}'],
    ];
    for (const [what, body, expected] of rows) expect((await post('/score', body)).text, what).to.equal(expected);
    expect((await post('/score', { data: [{ a: 1, c: 2 }] })).text).to.contain(
      'input b is missing; the model has a, b',
    );
    expect((await post('/score', { data: [{ a: 1, b: 1, c: 2 }] })).text).to.contain('unknown input c');
    expect((await post('/score', { data: [[1, 2, 3]] })).text).to.contain('data[0] has 3 values, there are 2 inputs');
  });

  it('columns of a data frame are matched with the names of the features, never by position', async () => {
    const models = JSON.stringify([
      {
        name: 'm',
        modelVersion: 'm-1',
        version: '1',
        format: 'ONNX',
        digest: 'sha256:x',
        file: 'model.onnx',
        features: ['sepal length', 'petal width'],
      },
    ]);
    await serve(identity('FP32', [-1, 2]), { PENSTOCK_MODELS: models });
    const frames: [string, unknown, string][] = [
      [
        'another order',
        { dataframe_records: [{ 'petal width': 2, 'sepal length': 1 }] },
        '{"predictions":{"y":[[1,2]]}}',
      ],
      [
        'split',
        { dataframe_split: { columns: ['petal width', 'sepal length'], data: [[2, 1]] } },
        '{"predictions":{"y":[[1,2]]}}',
      ],
      [
        'names as exporters write them',
        { dataframe_split: { columns: ['petal_width', 'sepal_length'], data: [[2, 1]] } },
        '{"predictions":{"y":[[1,2]]}}',
      ],
      ['lists, by position', { inputs: [[1, 2]] }, '{"predictions":{"y":[[1,2]]}}'],
      [
        'a missing feature',
        { dataframe_records: [{ 'petal width': 2 }] },
        'feature sepal length is missing; the model has sepal length, petal width',
      ],
      [
        'an invented feature',
        { dataframe_records: [{ 'petal width': 2, 'sepal length': 1, age: 3 }] },
        'unknown feature age',
      ],
    ];
    for (const [what, body, expected] of frames)
      expect((await post('/invocations', body)).text, what).to.contain(expected);
  });

  it('without feature names, dataframe_split is read by position and records are refused', async () => {
    await serve(identity('FP32', [-1, 2]));
    expect((await post('/invocations', { dataframe_split: { columns: ['b', 'a'], data: [[1, 2]] } })).text).to.equal(
      '{"predictions":{"y":[[1,2]]}}',
    );
    expect(await post('/invocations', { dataframe_records: [{ b: 1, a: 2 }] })).to.deep.include({ status: 400 });
  });

  it('an answer of 25 MB is served in the memory of a small pod, as JSON and in binary, to several at a time', async () => {
    await serve(
      onnx({
        inputs: [{ name: 'x', datatype: 'FP32', shape: ['batch', 1] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: ['batch', 6_500_000] }],
        weights: [{ name: 'w', shape: [1, 6_500_000], data: new Float32Array(6_500_000).fill(1) }],
        nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
      }),
      { PENSTOCK_REQUEST_TIMEOUT_MS: '15000', PENSTOCK_MAX_QUEUE_WAIT_MS: '15000' },
    );
    const sizes = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const answer = await fetch(`${scorer.url}/score`, { method: 'POST', body: '{"data": [[0.5]]}' });
        let bytes = 0;
        for await (const chunk of answer.body!) bytes += (chunk as Uint8Array).length;
        return bytes;
      }),
    );
    expect(sizes).to.deep.equal(new Array(4).fill('{"y":[[]]}'.length + 6_500_000 * 4 - 1));
    const binary = await fetch(`${scorer.url}${infer}`, {
      method: 'POST',
      body: JSON.stringify({
        inputs: [{ name: 'x', shape: [1, 1], datatype: 'FP32', data: [0.5] }],
        parameters: { binary_data_output: true },
      }),
    });
    expect((await binary.arrayBuffer()).byteLength).to.be.greaterThan(26_000_000);
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${scorer.process.pid}/status`, 'utf8'))?.[1]) / 1024;
    expect(peak, 'MiB at the most').to.be.below(512);
  });
});
