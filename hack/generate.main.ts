/** `npm run generate` writes the derived files. With --verify (`npm run verify`) it fails if one differs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generated } from '../crds/generate.ts';
import { valuesPage } from './chartValues.ts';
import { referencePage } from './reference.ts';
import { packageVersion, stamped } from './version.ts';

const root = join(import.meta.dirname, '..');
const verify = process.argv.includes('--verify');
const stale: string[] = [];
for (const [path, text] of Object.entries({
  ...(await generated(root)),
  ...stamped(root, packageVersion(root)),
  'docs/reference.md': referencePage(),
  'docs/values.md': valuesPage(root),
})) {
  const file = join(root, path);
  let current = '';
  try {
    current = readFileSync(file, 'utf8');
  } catch {
    // a file that does not exist differs
  }
  if (current === text) continue;
  stale.push(path);
  if (!verify) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
if (verify && stale.length > 0) {
  console.error(`${stale.join(', ')}: not what their sources say. Run: npm run generate`);
  process.exitCode = 1;
} else console.log(stale.length === 0 ? 'everything that is generated is up to date' : `wrote ${stale.join(', ')}`);
