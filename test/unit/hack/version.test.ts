/** The version of package.json in the other files. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageVersion, stamped } from '../../../hack/version.ts';

const root = join(import.meta.dirname, '../../..');

describe('the version', () => {
  it('of package.json stands in every file that tells one', () => {
    const files = stamped(root, packageVersion(root));
    for (const [file, text] of Object.entries(files))
      expect(readFileSync(join(root, file), 'utf8'), file).to.equal(text);
  });

  it('changes in each of them', () => {
    const files = stamped(root, '9.8.7-rc.1');
    for (const [file, text] of Object.entries(files)) expect(text, file).to.contain('9.8.7-rc.1');
    expect(files['charts/penstock/Chart.yaml']).to.match(/^version: 9\.8\.7-rc\.1\nappVersion: 9\.8\.7-rc\.1$/m);
  });
});
