/** The command that a verification Job runs, on real files. */
import { ENV, LOCAL_ENV, SCORER_NODE_FLAGS } from '@penstock/contract';
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const MIB = 2 ** 20;

/** What `verify` said of the file that `make` puts at a path, and how much memory it took at the most. */
async function verify(
  make: (path: string) => void,
): Promise<{ code: number | null; said: Record<string, unknown>; message: string; peakMiB: number }> {
  const home = mkdtempSync(join(tmpdir(), 'penstock-verify-'));
  for (const folder of ['models', 'sources/model', 'credentials']) mkdirSync(join(home, folder), { recursive: true });
  make(join(home, 'sources/model/model.onnx'));
  const env = {
    [ENV.fetch]: JSON.stringify([
      { name: 'model', uri: 'configmap://m/model.onnx', file: 'model.onnx', format: 'ONNX' },
    ]),
    MALLOC_ARENA_MAX: '2',
    [LOCAL_ENV.models]: join(home, 'models'),
    [LOCAL_ENV.sources]: join(home, 'sources'),
    [LOCAL_ENV.credentials]: join(home, 'credentials'),
  };
  const child = spawn(process.execPath, [...SCORER_NODE_FLAGS, join(root, 'scorer-image/dist/main.mjs'), 'verify'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let [log, peakMiB] = ['', 0];
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const look = setInterval(() => {
    try {
      peakMiB = Math.max(
        peakMiB,
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
      ); // one that has ended has none
    } catch {
      // it has ended
    }
  }, 50);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(look);
  rmSync(home, { recursive: true });
  const last = JSON.parse(log.trim().split('\n').at(-1)!) as Record<string, unknown>;
  return { code, said: last, message: String(last.message), peakMiB };
}

describe('verify', function () {
  this.timeout(60_000);
  const fixture =
    (name: string) =>
    (path: string): void =>
      copyFileSync(join(root, 'test/support/fixtures/models', name), path);

  it('tells digest, size, signature, classes, and whether rows are independent', async () => {
    const { code, said } = await verify(fixture('others/zipmap.onnx'));
    expect(code).to.equal(0);
    expect(said).to.deep.include({ rows: 'Independent', rowsMessage: 'each output row depends on its own input row' });
    expect(said.signature).to.deep.equal({
      inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [
        { name: 'output_label', datatype: 'BYTES', shape: [-1] },
        {
          name: 'output_probability',
          datatype: 'FP32',
          shape: [-1, 3],
          classes: ['setosa', 'versicolor', 'virginica'],
        },
      ],
    });
    expect((await verify(fixture('mixing/dynamic-quantization.onnx'))).said).to.deep.include({
      rows: 'Mixed',
      rowsMessage: 'DynamicQuantizeLinear takes one scale over all rows',
    });
  });

  it('takes a model of 700 MB in the memory of its container, of which the weights are never loaded', async () => {
    const { code, said, peakMiB } = await verify((path) => large(path, 700 * MIB));
    expect(code, JSON.stringify(said)).to.equal(0);
    expect(said).to.deep.include({
      rows: 'Independent',
      signature: {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 175 * 1024] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1024] }],
      },
    });
    expect(peakMiB).to.be.above(0).and.below(256);
  });

  const bad: [string, (path: string) => void, RegExp][] = [
    [
      'a Python pickle',
      (path) => writeFileSync(path, Buffer.from([0x80, 4, 0x95, 1, 2, 3])),
      /is not an ONNX model: it is a Python pickle \(joblib\); convert the model/,
    ],
    ['a text', (path) => writeFileSync(path, 'hello world'), /is not an ONNX model: /],
    [
      'a model that is cut off',
      (path) => {
        large(path, 120 * MIB);
        ftruncate(path, 60 * MIB);
      },
      /is not an ONNX model: the file is cut off/,
    ],
  ];
  for (const [what, make, expected] of bad) {
    it(`refuses ${what}`, async () => {
      const { code, message } = await verify(make);
      expect(code).to.equal(3);
      expect(message).to.match(expected);
    });
  }
});

function ftruncate(path: string, length: number): void {
  const file = openSync(path, 'r+');
  ftruncateSync(file, length);
  closeSync(file);
}

/** y = x w, with weights of so many bytes, all zero: the file has a hole in their place. */
function large(path: string, bytes: number): void {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  const field = (id: number, payload: Uint8Array | string): Buffer =>
    Buffer.concat([
      Buffer.from([...varint(id * 8 + 2), ...varint(Buffer.byteLength(payload))]),
      Buffer.from(payload as string),
    ]);
  const number = (id: number, value: number): Buffer => Buffer.from([...varint(id * 8), ...varint(value)]);
  const rows = bytes / 4 / 1024;
  const value = (name: string, width: number): Buffer =>
    Buffer.concat([
      field(1, name),
      field(
        2,
        field(
          1,
          Buffer.concat([
            number(1, 1),
            field(2, Buffer.concat([field(1, field(2, 'rows')), field(1, number(1, width))])),
          ]),
        ),
      ),
    ]);
  const node = Buffer.concat([field(1, 'x'), field(1, 'w'), field(2, 'y'), field(4, 'MatMul')]);
  const tensorHead = Buffer.concat([
    number(1, rows),
    number(1, 1024),
    number(2, 1),
    field(8, 'w'),
    Buffer.from([...varint(9 * 8 + 2), ...varint(bytes)]),
  ]);
  const around = [
    Buffer.concat([field(1, node), field(2, 'g')]),
    Buffer.concat([field(11, value('x', rows)), field(12, value('y', 1024))]),
  ] as const;
  const initializer = Buffer.from([...varint(5 * 8 + 2), ...varint(tensorHead.length + bytes)]);
  const graphLength = around[0].length + initializer.length + tensorHead.length + bytes + around[1].length;
  const head = Buffer.concat([
    number(1, 8),
    field(8, number(2, 17)),
    Buffer.from([...varint(7 * 8 + 2), ...varint(graphLength)]),
    around[0],
    initializer,
    tensorHead,
  ]);
  const file = openSync(path, 'w');
  writeSync(file, head, 0, head.length, 0);
  writeSync(file, around[1], 0, around[1].length, head.length + bytes);
  closeSync(file);
}
