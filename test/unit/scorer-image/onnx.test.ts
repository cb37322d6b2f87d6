/** Reading ONNX files: the graph without its weights, its signature, and the two things that are replaced. */
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { declaredSignature, described, labelsOf } from '../../../scorer-image/onnx/describe.ts';
import { readGraph } from '../../../scorer-image/onnx/graphFile.ts';
import { rewritten } from '../../../scorer-image/onnx/rewrite.ts';
import { isCut, MODEL, textOf, type ModelProto, type NodeProto } from '../../../scorer-image/onnx/schema.ts';
import { identity, onnx, perceptron } from '../../support/fixtures/onnx.ts';

let folder: string;
before(() => (folder = mkdtempSync(join(tmpdir(), 'penstock-onnx-'))));
after(() => rmSync(folder, { recursive: true }));

const fileOf = (bytes: Uint8Array): string => {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytes);
  return path;
};
const encoded = (model: object): Uint8Array => MODEL.encode(MODEL.fromObject(model)).finish();
const decoded = (bytes: Uint8Array) => MODEL.toObject(MODEL.decode(bytes), { arrays: true }) as Required<ModelProto>;
const problemOf = (bytes: Uint8Array): string => {
  try {
    readGraph(fileOf(bytes));
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};
const tensor = (name: string, elemType: number, ...shape: (number | string)[]) => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size })) },
    },
  },
});

describe('the graph of an ONNX file', () => {
  it('is read without large weights, and with small ones', () => {
    const { graph } = readGraph(fileOf(perceptron([600, 300, 10])));
    expect(graph.node.map(({ opType }) => opType)).to.deep.equal(['Gemm', 'Relu', 'Gemm']);
    const weights = graph.initializer.map(({ name, dims, rawData }) => [name, dims, rawData?.length ?? 0]);
    expect(weights).to.deep.equal([
      ['w0', [600, 300], 0],
      ['b0', [300], 1200],
      ['w1', [300, 10], 12_000],
      ['b1', [10], 40],
    ]);
  });

  it('of a small file is complete', () => {
    const { graph, irVersion, opsetImport } = readGraph(fileOf(identity('FP32', ['n', 4])));
    expect([irVersion, opsetImport[0]!.version, graph.node.length]).to.deep.equal([8, 17, 1]);
  });

  it('has a mark where values of an attribute were left out, and keeps the others', () => {
    const attribute = [
      { name: 'long', ints: Array.from({ length: 90_000 }, (_, i) => i % 7), type: 7 },
      { name: 'short', ints: [1, 2, 3], type: 7 },
    ];
    const { graph } = readGraph(fileOf(encoded({ graph: { node: [{ opType: 'Tree', attribute }] } })));
    const [long, short] = graph.node[0]!.attribute;
    expect([isCut(long!), isCut(short!), short!.ints]).to.deep.equal([true, false, [1, 2, 3]]);
    expect(long!.ints.length).to.be.below(2000);
  });

  it('of a file that is cut off is refused, wherever the cut is', () => {
    const whole = perceptron([400, 200, 10]);
    for (const length of [100, 70_000, whole.length - 50, whole.length - 1])
      expect(problemOf(whole.subarray(0, length)), String(length)).to.match(/cut off|cannot be read/);
  });

  const rows: [what: string, bytes: Uint8Array, problem: RegExp][] = [
    ['without a graph', encoded({ irVersion: 8 }), /it holds no graph/],
    ['of text', Buffer.from('not a model '.repeat(10_000)), /not an ONNX model|cut off/],
    ['of zeros', Buffer.alloc(100_000), /it is not an ONNX model/],
    ['of a few zeros', Buffer.alloc(10), /cannot be read/],
    ['that is empty', Buffer.alloc(0), /it holds no graph/],
  ];
  for (const [what, bytes, problem] of rows)
    it(`of a file ${what} is refused`, () => expect(problemOf(bytes)).to.match(problem));
});

describe('the signature that a graph declares', () => {
  it('has inputs that are no weights, outputs, and -1 for open dimensions', () => {
    const model = onnx({
      inputs: [
        { name: 'x', datatype: 'INT64', shape: ['n', 4] },
        { name: 'w', datatype: 'FP32', shape: [2] },
      ],
      outputs: [{ name: 'y', datatype: 'BOOL', shape: [] }],
      nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
      weights: [{ name: 'w', shape: [2], data: new Float32Array(2) }],
    });
    expect(declaredSignature(readGraph(fileOf(model)))).to.deep.equal({
      inputs: [{ name: 'x', datatype: 'INT64', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'BOOL', shape: [] }],
    });
  });

  it('of an input that is no tensor of the protocol is refused by name', () => {
    for (const input of [tensor('x', 16, 1), { name: 'x' }]) {
      const model = decoded(encoded({ graph: { input: [input] } }));
      expect(() => declaredSignature({ graph: model.graph })).to.throw('x is not a tensor of a type that is supported');
    }
  });
});

const zipMap = {
  opType: 'ZipMap',
  domain: 'ai.onnx.ml',
  input: ['scores'],
  output: ['probabilities'],
  attribute: [{ name: 'classlabels_strings', strings: ['a', 'b', 'c'].map((text) => Buffer.from(text)), type: 8 }],
};
const classifier = (attribute: object[], opType = 'TreeEnsembleClassifier') => ({
  opType,
  domain: 'ai.onnx.ml',
  input: ['x'],
  output: ['label', 'scores'],
  attribute,
});
const numbers = [{ name: 'classlabels_int64s', ints: [3, 5], type: 7 }];
/** The description of a graph with these nodes, outputs and metadata. */
const descriptionOf = (
  graph: { node?: object[]; input?: object[]; output?: object[] },
  metadataProps: { key: string; value: string }[] = [],
) => {
  const model = decoded(encoded({ graph, metadataProps }));
  return described(declaredSignature(model), model);
};

describe('the names of classes', () => {
  it('of a ZipMap are those of its output, which is a tensor of scores', () => {
    const { outputs } = descriptionOf({ node: [zipMap], output: [{ name: 'probabilities' }] });
    expect(outputs).to.deep.equal([
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 3], classes: ['a', 'b', 'c'] },
    ]);
  });

  it('of a classifier are those of the only output with as many columns', () => {
    const output = [tensor('label', 7, 'n'), tensor('scores', 1, 'n', 2)];
    const { outputs } = descriptionOf({ node: [classifier(numbers)], output });
    expect(outputs.map(({ classes }) => classes)).to.deep.equal([undefined, [3, 5]]);
  });

  const rows: [what: string, nodes: object[], outputs: object[]][] = [
    ['two classifiers', [classifier(numbers), classifier(numbers)], [tensor('scores', 1, 'n', 2)]],
    ['two outputs with as many columns', [classifier(numbers)], [tensor('a', 1, 'n', 2), tensor('b', 1, 'n', 2)]],
    ['an output with other columns', [classifier(numbers)], [tensor('scores', 1, 'n', 3)]],
    ['whole numbers in place of scores', [classifier(numbers)], [tensor('scores', 7, 'n', 2)]],
    ['no labels', [classifier([])], [tensor('scores', 1, 'n', 2)]],
    ['an operator of another kind', [classifier(numbers, 'Scaler')], [tensor('scores', 1, 'n', 2)]],
  ];
  for (const [what, node, output] of rows)
    it(`are not known with ${what}`, () =>
      expect(descriptionOf({ node, output }).outputs.some((one) => 'classes' in one)).to.equal(false));

  it('are texts or numbers of the operator, and none where they were left out', () => {
    const nodeOf = (attribute: object[]): NodeProto =>
      decoded(encoded({ graph: { node: [classifier(attribute)] } })).graph.node[0]!;
    expect(labelsOf(nodeOf(numbers))).to.deep.equal([3, 5]);
    expect(labelsOf(nodeOf([{ name: 'classlabels_ints', ints: [1], type: 7 }]))).to.deep.equal([1]);
    expect(labelsOf(nodeOf(zipMap.attribute))).to.deep.equal(['a', 'b', 'c']);
    const cut = [{ name: 'classlabels_int64s', ints: [1], docString: 'values were left out', type: 7 }];
    expect(labelsOf(nodeOf(cut))).to.deep.equal([]);
  });
});

describe('the names of features', () => {
  const named = (value: string, ...input: object[]) =>
    descriptionOf({ input }, [{ key: 'feature_names', value }]).inputs.map(({ features }) => features);
  it('are a JSON list or a list with commas, of the only input with as many columns', () => {
    for (const text of ['["a", "b"]', 'a, b']) expect(named(text, tensor('x', 1, 'n', 2))).to.deep.equal([['a', 'b']]);
    expect(named('a,b', tensor('x', 1, 'n', 'm'))).to.deep.equal([['a', 'b']]);
  });
  it('are not known otherwise', () => {
    expect(named('a,b', tensor('x', 1, 'n', 3))).to.deep.equal([undefined]);
    expect(named('[1, 2]', tensor('x', 1, 'n', 2))).to.deep.equal([undefined]);
    expect(named('a,b', tensor('x', 1, 'n', 2), tensor('y', 1, 'n', 2))).to.deep.equal([undefined, undefined]);
  });
});

describe('a rewritten model', () => {
  const model = (node: object[], output: object[], opsetImport: object[] = [{ version: 17 }]) =>
    fileOf(encoded({ irVersion: 8, opsetImport, graph: { name: 'g', node, output } }));
  const both = { zipMaps: true, locale: true };

  it('has an Identity in place of a ZipMap, and a tensor as its output', () => {
    const path = model(
      [zipMap, { opType: 'Relu', input: ['x'], output: ['y'] }],
      [{ name: 'probabilities' }, { name: 'y' }],
    );
    const { graph, opsetImport } = decoded(rewritten(path, both));
    expect(graph.node.map(({ opType, input, output }) => [opType, input, output])).to.deep.equal([
      ['Identity', ['scores'], ['probabilities']],
      ['Relu', ['x'], ['y']],
    ]);
    expect(declaredSignature({ graph: { ...graph, output: graph.output.slice(0, 1) } }).outputs).to.deep.equal([
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
    ]);
    expect(opsetImport).to.have.length(1);
  });

  it('imports the standard operators for that, where the model does not', () => {
    const path = model([zipMap], [{ name: 'probabilities' }], [{ domain: 'ai.onnx.ml', version: 3 }]);
    expect(decoded(rewritten(path, both)).opsetImport.map(({ version }) => version)).to.deep.equal([3, 13]);
  });

  const localeOf = (locale: string | undefined, rewrite = both): string | undefined => {
    const attribute = locale === undefined ? [] : [{ name: 'locale', s: Buffer.from(locale), type: 3 }];
    const path = model([{ opType: 'StringNormalizer', input: ['x'], output: ['y'], attribute }], [{ name: 'y' }]);
    const found = decoded(rewritten(path, rewrite)).graph.node[0]!.attribute.find(({ name }) => name === 'locale');
    return found?.s && textOf(found.s);
  };
  it('has C.UTF-8 in place of the locale en_US.UTF-8, which is the default', () => {
    expect(localeOf(undefined)).to.equal('C.UTF-8');
    expect(localeOf('en_US.UTF-8')).to.equal('C.UTF-8');
    expect(localeOf('de_DE.UTF-8')).to.equal('de_DE.UTF-8');
    expect(localeOf('en_US.UTF-8', { zipMaps: true, locale: false })).to.equal('en_US.UTF-8');
  });

  it('keeps a ZipMap where it is not to be replaced, and every other byte', () => {
    const path = model([zipMap], [{ name: 'probabilities' }]);
    expect(Buffer.from(rewritten(path, { zipMaps: false, locale: true }))).to.deep.equal(
      Buffer.from(encoded(decodedFile(path))),
    );
  });
});

const decodedFile = (path: string): object => readGraph(path);
