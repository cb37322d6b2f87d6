/** Which file of a fetched model is the model. */
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelPath } from '../../../scorer-image/model/modelPath.ts';

const folder = (...files: string[]): string => {
  const models = mkdtempSync(join(tmpdir(), 'penstock-models-'));
  mkdirSync(join(models, 'm'));
  for (const file of files)
    if (file.endsWith('/')) mkdirSync(join(models, 'm', file));
    else writeFileSync(join(models, 'm', file), '');
  return models;
};

describe('the path of a model', () => {
  const rows: [string, string[], { file?: string; format: 'ONNX' | 'Files' }, string | RegExp][] = [
    ['one file: that', ['a.bin'], { file: 'a.bin', format: 'ONNX' }, 'm/a.bin'],
    ['several: the one that ends in .onnx', ['a.onnx', 'a.bin'], { format: 'ONNX' }, 'm/a.onnx'],
    ['several Files: their folder', ['a.json', 'b.json'], { format: 'Files' }, 'm'],
    ['an only file: that, with any name', ['a.bin'], { format: 'ONNX' }, 'm/a.bin'],
    [
      'several, none of them a model',
      ['a.bin', 'b.bin'],
      { format: 'ONNX' },
      /exactly one must end in \.onnx.*there is none/,
    ],
    ['a folder is no model', ['sub/'], { format: 'ONNX' }, /there is none/],
    ['two models', ['a.onnx', 'b.onnx'], { format: 'ONNX' }, /there are a\.onnx, b\.onnx/],
  ];
  for (const [sentence, files, model, path] of rows) {
    it(sentence, () => {
      const models = folder(...files);
      if (path instanceof RegExp) expect(() => modelPath(models, { name: 'm', ...model })).to.throw(path);
      else expect(modelPath(models, { name: 'm', ...model })).to.equal(join(models, path));
    });
  }
});
