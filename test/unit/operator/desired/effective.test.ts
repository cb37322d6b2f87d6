import { expect } from 'chai';
import { effective } from '../../../../operator/desired/effective.ts';
import type { Effective, InferencePipelineSpec } from '../../../../operator/api/types.gen.ts';

const rows: [string, Partial<InferencePipelineSpec>, Partial<Effective>][] = [
  [
    'Development is one small open pod that shows its errors',
    {},
    {
      minReplicas: 1,
      maxReplicas: 1,
      auth: 'None',
      exposeErrors: true,
      disruptionBudget: false,
      requests: { cpu: '100m', memory: '256Mi' },
    },
  ],
  [
    'Production is two to ten guarded pods with keys',
    { target: 'Production' },
    {
      minReplicas: 2,
      maxReplicas: 10,
      auth: 'Key',
      exposeErrors: false,
      disruptionBudget: true,
      limits: { cpu: '1', memory: '1Gi' },
    },
  ],
  [
    'Managed is none to ten guarded pods with keys, and none after ten minutes',
    { target: 'Managed' },
    {
      minReplicas: 0,
      maxReplicas: 10,
      auth: 'Key',
      exposeErrors: false,
      disruptionBudget: true,
      scaleToZeroAfter: '10m',
    },
  ],
  [
    'Managed with a minimum is never at zero',
    { target: 'Managed', scaling: { minReplicas: 1 } },
    { minReplicas: 1, maxReplicas: 10 },
  ],
  [
    'any target may go to zero',
    { scaling: { minReplicas: 0, scaleToZeroAfter: '1m' } },
    { minReplicas: 0, maxReplicas: 1, scaleToZeroAfter: '1m', coldStartTimeout: '60s' },
  ],
  [
    'a field that is set wins',
    { target: 'Production', endpoint: { auth: { mode: 'None' }, requestTimeout: '1s' } },
    { auth: 'None', requestTimeout: '1s', initTimeout: '5m' },
  ],
  ['a set minimum raises the preset maximum', { scaling: { minReplicas: 3 } }, { minReplicas: 3, maxReplicas: 3 }],
  [
    'a set maximum lowers the preset minimum',
    { target: 'Production', scaling: { maxReplicas: 1 } },
    { minReplicas: 1, maxReplicas: 1 },
  ],
  ['a set maximum makes Development scale', { scaling: { maxReplicas: 4 } }, { minReplicas: 1, maxReplicas: 4 }],
  [
    'a set limit lowers the preset request above it',
    { target: 'Production', resources: { limits: { cpu: '200m' } } },
    { requests: { cpu: '200m', memory: '512Mi' }, limits: { cpu: '200m', memory: '1Gi' } },
  ],
  [
    'a set request raises the preset limit below it',
    { resources: { requests: { memory: '2Gi' } } },
    { requests: { cpu: '100m', memory: '2Gi' }, limits: { cpu: '1', memory: '2Gi' } },
  ],
  [
    'a quantity written as a number is the same quantity',
    { resources: { requests: { cpu: 1 } } },
    { requests: { cpu: '1', memory: '256Mi' } },
  ],
];

describe('presets and what the user set', () => {
  for (const [sentence, spec, want] of rows)
    it(sentence, () => expect(effective({ target: 'Development', ...spec })).to.deep.include(want));
});
