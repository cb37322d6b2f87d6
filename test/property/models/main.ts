/**
 * `npm run test:models`: models of a data scientist's notebook, converted as docs/from-scikit-learn.md says, served,
 * and compared with the library's own answers on 50 rows each. The packages of Python (some 700 MB) are installed once.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rowsThatDiffer, type RowDifference } from '../../../cli/compare.ts';
import { pythonWith } from '../../support/clients/venv.ts';
import { ready, startScorer } from '../../support/fixtures/scorer.ts';

const PACKAGES = [
  'onnx==1.23.2',
  'skl2onnx==1.20.0',
  'onnxmltools==1.16.0',
  'scikit-learn==1.9.1',
  'xgboost==3.2.0',
  'lightgbm==4.7.0',
  'pandas',
];
const TOLERANCE = 1e-4;

const folder = mkdtempSync(join(tmpdir(), 'penstock-models-'));
const python = process.env.PYTHON ?? pythonWith(PACKAGES);
const lines = execFileSync(python, [join(import.meta.dirname, 'make.py'), folder], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
})
  .trim()
  .split('\n');
const read = (...path: string[]): unknown => JSON.parse(readFileSync(join(folder, ...path), 'utf8'));

let [equal, refused] = [0, 0];
console.log('| model | converts | rows | served | beside the library, 50 rows |\n|---|---|---|---|---|');
for (const { name, problem } of lines.map((line) => JSON.parse(line) as { name: string; problem: string | null })) {
  if (problem !== null) {
    refused += 1;
    console.log(`| ${name} | no: ${problem.replaceAll('|', '/')} | | | |`);
    continue;
  }
  const scorer = await startScorer({ model: { name: 'model', bytes: readFileSync(join(folder, name, 'model.onnx')) } });
  const served = await ready(scorer).then(
    () => true,
    () => false,
  );
  const rows =
    /its rows are (\w+)/.exec(scorer.log())?.[1] ?? (scorer.log().includes('may share calls') ? 'Independent' : '?');
  let said = scorer
    .log()
    .split('\n')
    .filter((line) => line.includes('error'))
    .join(' ')
    .slice(0, 300);
  if (served) {
    const answer = await fetch(`${scorer.url}/score`, {
      method: 'POST',
      body: JSON.stringify({ data: read(name, 'rows.json') }),
    });
    const got = (await answer.json()) as Record<string, unknown[]>;
    const off = answer.ok
      ? Object.entries(read(name, 'expect.json') as Record<string, unknown[]>).map(([output, wanted]) => ({
          output,
          differ: rowsThatDiffer(got[output] ?? [], wanted, TOLERANCE),
        }))
      : [];
    const bad = off.filter(({ differ }) => differ.length > 0);
    if (answer.ok && bad.length === 0) equal += 1;
    said = answer.ok ? bad.map(differences).join('; ') || 'equal' : JSON.stringify(got);
  }
  scorer.process.kill('SIGKILL');
  console.log(`| ${name} | yes | ${rows} | ${served ? 'yes' : 'no'} | ${said} |`);
}

function differences({ output, differ }: { output: string; differ: RowDifference[] }): string {
  const largest = Math.max(...differ.map(({ by }) => by));
  return `${output}: ${differ.length} differ, by up to ${largest.toPrecision(2)}`;
}

console.log(`\n${equal} of ${lines.length} equal, ${refused} not converted (tolerance ${TOLERANCE})`);
process.exit();
