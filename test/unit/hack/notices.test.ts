/** The licenses that an image carries. */
import { expect } from 'chai';
import { join } from 'node:path';
import { notices, packageFolders } from '../../../hack/notices.ts';

const root = join(import.meta.dirname, '../../..');

describe('the licenses of an image', () => {
  it('are those of the packages of its files, each once', () =>
    expect(
      packageFolders([
        'operator/main.ts',
        'node_modules/undici/lib/agent.js',
        'node_modules/undici/index.js',
        'node_modules/@peculiar/x509/build/index.js',
        'node_modules/a/node_modules/b/index.js',
      ]),
    ).to.deep.equal(['node_modules/@peculiar/x509', 'node_modules/a/node_modules/b', 'node_modules/undici']));

  it('have name, version, license and text', () => {
    const text = notices(root, ['node_modules/undici', 'node_modules/express']);
    expect(text).to.match(/^undici \d+\.\d+\.\d+ \(MIT\)\n\nMIT License/);
    expect(text).to.match(/express \d+\.\d+\.\d+ \(MIT\)/);
    expect(text).to.contain('Permission is hereby granted');
  });
});
