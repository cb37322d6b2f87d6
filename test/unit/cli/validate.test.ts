/** `penstock serve` says of a manifest what the API server would say: the same examples, the same sentences. */
import { expect } from 'chai';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as yaml from 'js-yaml';
import { readCrd } from '../../../cli/manifests.ts';
import { problemsOf } from '../../../cli/validate.ts';

const root = join(import.meta.dirname, '../../..');
const crds = ['inferencepipelines', 'modelversions'].map((name) => readCrd(join(root, `crds/${name}.yaml`)));
const problems = (object: { kind: string }): string =>
  problemsOf(
    object,
    crds.find(({ spec }) => spec.names.kind === object.kind)!,
  ).join('\n');
const files = (folder: string): string[] => globSync(`${folder}/**/*.yaml`, { cwd: root }).sort();

/** Only the server knows the namespace's other objects, and merges lists by key. */
const SERVER_ONLY = ['same-model-twice.yaml'];

describe('manifests without a cluster', () => {
  for (const file of [...files('crds/examples/valid'), ...files('examples')]) {
    it(`takes ${file}`, () => {
      for (const object of yaml.loadAll(readFileSync(join(root, file), 'utf8')) as {
        kind: string;
        apiVersion: string;
      }[])
        if (object.apiVersion.startsWith('penstock.dev')) expect(problems(object)).to.equal('');
    });
  }
  for (const file of files('crds/examples/invalid').filter((one) => !SERVER_ONLY.includes(basename(one)))) {
    const text = readFileSync(join(root, file), 'utf8');
    const expected = /^# expect: (.*)$/m.exec(text)![1]!;
    it(`refuses ${basename(file)}: ${expected}`, () =>
      expect(problems(yaml.load(text) as { kind: string })).to.contain(expected));
  }
});
