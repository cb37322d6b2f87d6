/** What an endpoint says of itself: swagger documents, served models, trace ids. */
import { expect } from 'chai';
import type { ModelSignature } from '@penstock/contract';
import type { ScorerConfig } from '../../../scorer-image/config.ts';
import { traceOf } from '../../../scorer-image/http/accessLog.ts';
import { servedModel } from '../../../scorer-image/http/servedModel.ts';
import { schemasOf, swagger } from '../../../scorer-image/http/swagger.ts';

const described = { title: 'iris', version: 'iris-1', input: { type: 'object' }, output: { type: 'array' } };
type Document = Record<string, unknown> & {
  paths: Record<string, Record<string, unknown>>;
  definitions?: Record<string, unknown>;
  components?: { schemas: Record<string, unknown> };
};

describe('a swagger document', () => {
  for (const [version, field, value] of [
    ['2', 'swagger', '2.0'],
    ['2.0', 'swagger', '2.0'],
    ['3', 'openapi', '3.0.3'],
    ['3.0', 'openapi', '3.0.3'],
    ['3.1', 'openapi', '3.1.0'],
  ] as const)
    it(`of version ${version} is ${value}, with the same paths and schemas`, () => {
      const document = swagger(described, version) as Document;
      expect(document[field]).to.equal(value);
      expect(document.info).to.include({ title: 'iris', version: 'iris-1' });
      expect(Object.entries(document.paths).map(([path, methods]) => [path, Object.keys(methods)])).to.deep.equal([
        ['/', ['get']],
        ['/score', ['post']],
      ]);
      const schemas = document.definitions ?? document.components!.schemas;
      expect(schemas).to.deep.include({ ServiceInput: { type: 'object' }, ServiceOutput: { type: 'array' } });
      expect(JSON.stringify(document.paths['/score'])).to.contain('ServiceInput').and.contain('ServiceOutput');
    });

  it('of another version does not exist', () => {
    for (const version of ['1', '4', '3.2', 'toString', ''])
      expect(swagger(described, version), version).to.equal(undefined);
  });

  it('has open schemas where none are known', () =>
    expect((swagger({ title: 'a', version: 'b' }, '2') as Document).definitions).to.deep.include({
      ServiceInput: {},
      ServiceOutput: {},
    }));
});

describe('the schemas of a model', () => {
  const tensor = (name: string, datatype: string, shape: number[]) => ({ name, datatype, shape });
  const signature = (...inputs: ModelSignature['inputs']): ModelSignature => ({
    inputs,
    outputs: [tensor('label', 'INT64', [-1])],
  });

  it('call a single input data, as Azure ML does', () =>
    expect(schemasOf(signature(tensor('x', 'FP32', [-1, 4])))).to.deep.equal({
      input: {
        type: 'object',
        required: ['data'],
        properties: { data: { type: 'array', items: { type: 'array', items: { type: 'number' } } } },
      },
      output: {
        type: 'object',
        required: ['label'],
        properties: { label: { type: 'array', items: { type: 'integer' } } },
      },
    }));

  it('name several inputs, with their types', () => {
    const { input } = schemasOf(signature(tensor('a', 'BYTES', []), tensor('b', 'BOOL', []), tensor('c', 'UINT8', [])));
    expect(input).to.deep.equal({
      type: 'object',
      required: ['a', 'b', 'c'],
      properties: { a: { type: 'string' }, b: { type: 'boolean' }, c: { type: 'integer' } },
    });
  });
});

describe('the model of a path', () => {
  const config = {
    models: [{ name: 'iris', version: '3', modelVersion: 'iris-3', format: 'ONNX' }],
    pipeline: 'flowers',
    revision: 'flowers-1',
  } as unknown as ScorerConfig;
  const scripted = { ...config, script: 'score.ts' };

  it('is found by name, and by version where one is given', () => {
    expect(servedModel(config, 'iris')?.version).to.equal('3');
    expect(servedModel(config, 'iris', '3')?.version).to.equal('3');
    expect(servedModel(config, 'iris', '2')).to.equal(undefined);
    expect(servedModel(config, 'rose')).to.equal(undefined);
  });

  it('is the pipeline itself where it has a script', () => {
    expect(servedModel(config, 'flowers')).to.equal(undefined);
    expect(servedModel(scripted, 'flowers')).to.deep.equal({ name: 'flowers', version: 'flowers-1', format: 'script' });
    expect(servedModel(scripted, 'iris')?.format).to.equal('ONNX');
  });
});

describe('the trace id', () => {
  const ID = '0af7651916cd43dd8448eb211c80319c';

  it('is that of a W3C traceparent', () => expect(traceOf(`00-${ID}-b7ad6b7169203331-01`)).to.equal(ID));
  it('is undefined for any other header', () => {
    for (const header of [undefined, '', ID, `00-${ID.slice(1)}-b7ad6b7169203331-01`, [`00-${ID}-b7ad6b7169203331-01`]])
      expect(traceOf(header)).to.equal(undefined);
  });
});
