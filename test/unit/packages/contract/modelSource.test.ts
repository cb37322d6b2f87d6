/** The URI of a model's source. */
import { configMapSource, modelFileName, parseModelSource } from '@penstock/contract';
import { expect } from 'chai';

describe('the URI of a source', () => {
  const rows: [string, ReturnType<typeof parseModelSource>, string | undefined][] = [
    ['configmap://model/a.onnx', { scheme: 'configmap', name: 'model', key: 'a.onnx' }, 'a.onnx'],
    ['configmap://model', { scheme: 'configmap', name: 'model' }, undefined],
    [
      'https://host/path/a.onnx?sig=x',
      { scheme: 'https', url: 'https://host/path/a.onnx?sig=x', fileName: 'a.onnx' },
      'a.onnx',
    ],
    ['pvc://models/iris/v1/', { scheme: 'pvc', claim: 'models', path: 'iris/v1/' }, undefined],
    ['pvc://models', { scheme: 'pvc', claim: 'models', path: '' }, undefined],
    ['https://host/', { scheme: 'https', url: 'https://host/', fileName: '' }, ''],
  ];
  for (const [uri, source, file] of rows)
    it(`${uri} is ${JSON.stringify(source)}`, () => {
      expect(parseModelSource(uri)).to.deep.equal(source);
      expect(modelFileName(uri)).to.equal(file);
    });

  for (const uri of [
    '',
    'configmap://',
    'configmap:///key',
    'http://host/a',
    'ftp://host/a',
    'https://',
    'a/b',
    'pvc://',
    'pvc://models/..',
    'pvc://models/a/../b',
    'pvc://models/./a',
  ])
    it(`${JSON.stringify(uri)} is none`, () => {
      expect(parseModelSource(uri)).to.equal(undefined);
      expect(modelFileName(uri)).to.equal(undefined);
    });

  it('names a ConfigMap, or none', () => {
    expect(configMapSource('configmap://model')?.name).to.equal('model');
    expect(configMapSource('https://host/a')).to.equal(undefined);
  });
});
