/** The table of the chart's settings. */
import { expect } from 'chai';
import { valueRows } from '../../../hack/chartValues.ts';

describe('the table of the chart’s settings', () => {
  it('has a row for each value, with the comment before it or beside it', () =>
    expect(
      valueRows(
        [
          '# Replicas: one leads,',
          '# and the others wait.',
          'replicas: 2',
          'operator:',
          '  logLevel: info',
          '  resources:',
          '    limits: { cpu: "2" } # for 5,000 pipelines',
          '# Where Jobs run.',
          'verification:',
          '  tolerations: []',
        ].join('\n'),
      ).map((row) => row.trim()),
    ).to.deep.equal([
      '| `replicas` | `2` | Replicas: one leads, and the others wait. |',
      '| `operator.logLevel` | `info` |  |',
      '| `operator.resources.limits` | `{ cpu: "2" }` | for 5,000 pipelines |',
      '| `verification` |  | Where Jobs run. |',
      '| `verification.tolerations` | `[]` |  |',
    ]));
});
