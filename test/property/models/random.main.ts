/**
 * `npm run test:rows [-- COUNT SEED]`: random graphs, of which none may be called Independent that answers a row by the
 * rows beside it. Each is run by ONNX Runtime, row by row and together.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { difference, slice, type Feeds } from '../../../scorer-image/tensor/rows.ts';
import { loadSession } from '../../../scorer-image/model/session.ts';
import { pythonWith } from '../../support/clients/venv.ts';

const [count = '3000', seed = '1'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'penstock-graphs-'));
execFileSync(process.env.PYTHON ?? pythonWith(['onnx==1.23.2']), [
  join(import.meta.dirname, 'random_graphs.py'),
  folder,
  count,
  seed,
]);
const shapes = JSON.parse(readFileSync(join(folder, 'shapes.json'), 'utf8')) as Record<string, number[]>;

/** Whether rows give together what they give alone; undefined where the model does not take them. */
async function keepsRowsApart(run: (feeds: Feeds) => Promise<Feeds>, shape: number[]): Promise<boolean | undefined> {
  let same: boolean | undefined;
  for (const rows of [2, 3, 5]) {
    const size = shape.reduce((product, one) => product * one, rows);
    const feeds: Feeds = {
      x: {
        datatype: 'FP32',
        shape: [rows, ...shape],
        data: Float32Array.from(
          { length: size },
          (_, i) => Math.sin(i * 12.9898 + rows) * [1, 100, 0.01][Math.floor((i * rows) / size) % 3]!,
        ),
      },
    };
    try {
      const alone: Feeds[] = [];
      for (let row = 0; row < rows; row++) alone.push(await run(slice(feeds, row, row + 1)));
      const together = await run(feeds);
      const whole = Object.values(together).every((tensor) => tensor.shape[0] === rows);
      same =
        (same ?? true) &&
        whole &&
        alone.every((one, row) => difference(slice(together, row, row + 1), one) === undefined);
    } catch {
      // another number of rows may do
    }
  }
  return same;
}

const counts = new Map<string, number>();
const wrong: string[] = [];
for (const [name, shape] of Object.entries(shapes)) {
  const session = await loadSession(join(folder, name)).catch(() => undefined);
  if (!session) continue;
  const apart = await keepsRowsApart((feeds) => session.run(feeds), shape);
  const { rows, message } = session.rows;
  const seen = apart ? 'keeps rows apart' : 'mixes rows';
  const key = `${rows}, ${apart === undefined ? 'takes no rows' : seen}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
  if (rows === 'Independent' && apart === false) wrong.push(`${join(folder, name)}: ${message}`);
}
for (const [key, times] of [...counts].sort()) console.log(`${key}: ${times}`);
console.log(wrong.length === 0 ? 'no graph that mixes rows is called Independent' : `WRONG:\n${wrong.join('\n')}`);
process.exit(wrong.length === 0 ? 0 : 1);
