/**
 * Which models' rows are followed through the graph: real exports and small graphs, all of them run by ONNX Runtime,
 * too.
 */
import { expect } from 'chai';
import { globSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openModel } from '../../../scorer-image/model/model.ts';
import { readGraph } from '../../../scorer-image/onnx/graphFile.ts';
import { rowsOf } from '../../../scorer-image/rows/follow.ts';
import { onnx, type Node } from '../../support/fixtures/onnx.ts';

const models = join(import.meta.dirname, '../../support/fixtures/models');
const files = (kind: string): string[] => globSync(`${models}/${kind}/*.onnx`).sort();
const options = {
  threads: 1,
  maxBatchSize: 64,
  joinUnknown: false,
  onBatch: () => undefined,
  onDisabled: () => undefined,
};
const open = (file: string, change: Partial<typeof options> = {}) =>
  openModel({ name: 'm' }, file, { ...options, ...change });

describe('models whose rows are independent', function () {
  this.timeout(20_000);
  for (const file of files('independent')) {
    it(basename(file, '.onnx'), async () => {
      expect(rowsOf(readGraph(file))).to.deep.equal({
        rows: 'Independent',
        message: 'each output row depends on its own input row',
      });
      expect((await open(file)).note).to.match(/may share calls/);
    });
  }
});

describe('models whose rows depend on each other', function () {
  this.timeout(20_000);
  for (const file of files('mixing')) {
    it(basename(file, '.onnx'), async () => {
      const { rows, message } = rowsOf(readGraph(file));
      expect(rows, message).not.to.equal('Independent');
      expect((await open(file)).joined).to.equal(false);
      if (rows === 'Mixed')
        expect((await open(file, { joinUnknown: true })).joined, "not by the user's word").to.equal(false);
    });
  }
  it('with joinUnknown, a model whose rows are Unknown is not joined if the probe sees a difference', async () => {
    for (const name of ['loop', 'scan', 'place-in-batch', 'shuffled'])
      expect((await open(`${models}/mixing/${name}.onnx`, { joinUnknown: true })).note, name).to.match(
        /request by request: output y is/,
      );
    const file = join(mkdtempSync(join(tmpdir(), 'penstock-rows-')), 'any.onnx');
    writeFileSync(file, graph({ op: 'Dropout', inputs: ['x', 'r', 't'], outputs: ['y'] }));
    expect(rowsOf(readGraph(file)).rows).to.equal('Unknown');
  });
});

/** x FP32[batch, 4] through some nodes to y. */
const graph = (...nodes: Node[]): Buffer =>
  onnx({
    inputs: [
      { name: 'x', datatype: 'FP32', shape: ['batch', 4] },
      { name: 'r', datatype: 'FP32', shape: [] },
      { name: 't', datatype: 'BOOL', shape: [] },
    ],
    outputs: [{ name: 'y', datatype: 'FP32', shape: ['batch', 4] }],
    nodes,
  });

describe('what the graph says, in one sentence', () => {
  const shape = (...first: (number | string)[]): Parameters<typeof onnx>[0]['inputs'] => [
    { name: 'x', datatype: 'FP32', shape: [...first, 4] },
  ];
  const y = [{ name: 'y', datatype: 'FP32', shape: ['batch', 4] }];
  const relu: Node = { op: 'Relu', inputs: ['x'], outputs: ['y'] };
  const sentences: [string, Parameters<typeof onnx>[0], string, string][] = [
    [
      'an open first dimension',
      { inputs: shape('batch'), outputs: y, nodes: [relu] },
      'Independent',
      'each output row depends on its own input row',
    ],
    [
      'a fixed first dimension',
      { inputs: shape(1), outputs: y, nodes: [relu] },
      'Unknown',
      'the first dimension of input x is fixed',
    ],
    [
      'a single number beside the rows',
      {
        inputs: [...shape('batch'), { name: 't', datatype: 'FP32', shape: [] }],
        outputs: y,
        nodes: [{ op: 'Add', inputs: ['x', 't'], outputs: ['y'] }],
      },
      'Unknown',
      'input t is a single number',
    ],
    [
      'an operator without a rule',
      { inputs: shape('batch'), outputs: y, nodes: [{ op: 'Det', inputs: ['x'], outputs: ['y'] }] },
      'Unknown',
      'there is no rule for Det',
    ],
    [
      'an output that is the same for all',
      {
        inputs: shape('batch'),
        outputs: y,
        nodes: [relu, { op: 'Shape', inputs: ['x'], outputs: ['z'] }].map((node) =>
          node.op === 'Shape' ? { ...node, outputs: ['y'] } : { ...node, outputs: ['z0'] },
        ),
      },
      'Unknown',
      'output y has no row for each row of the inputs',
    ],
    [
      'what mixes and goes nowhere does not matter',
      { inputs: shape('batch'), outputs: y, nodes: [relu, { op: 'ReduceMax', inputs: ['x'], outputs: ['z'] }] },
      'Independent',
      'each output row depends on its own input row',
    ],
  ];
  for (const [sentence, model, rows, message] of sentences) {
    it(sentence, () => {
      const file = join(mkdtempSync(join(tmpdir(), 'penstock-rows-')), 'model.onnx');
      writeFileSync(file, onnx(model));
      expect(rowsOf(readGraph(file))).to.deep.equal({ rows, message });
    });
  }
});
