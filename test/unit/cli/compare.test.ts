/** Which rows of an answer are not as expected, and by how much. */
import { expect } from 'chai';
import { rowsThatDiffer } from '../../../cli/compare.ts';

describe('rows that differ', () => {
  const rows: [string, unknown[], unknown[], { row: number; by: number }[]][] = [
    ['none', [1, 2], [1, 2], []],
    ['within the tolerance', [1.0000001], [1], []],
    ['large numbers are compared as shares', [1_000_001], [1_000_000], []],
    ['a row that is off', [1, 2.5], [1, 2], [{ row: 1, by: 0.25 }]],
    ['the worst of a list counts', [[0.5, 0.1]], [[0.5, 0.4]], [{ row: 0, by: 0.30000000000000004 }]],
    ['a column for single values', [[3], [4]], [3, 4], []],
    ['another label', ['ham'], ['spam'], [{ row: 0, by: Infinity }]],
    ['a row that is missing', [1], [1, 2], [{ row: 1, by: Infinity }]],
    ['another width', [[1, 2]], [[1]], [{ row: 0, by: Infinity }]],
  ];
  for (const [what, got, wanted, expected] of rows)
    it(what, () => expect(rowsThatDiffer(got, wanted, 1e-5)).to.deep.equal(expected));
});
