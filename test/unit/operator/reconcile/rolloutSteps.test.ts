/** The log lines of a rollout. */
import { expect } from 'chai';
import type { ObservedPipeline } from '../../../../operator/api/observed.ts';
import { planRollout } from '../../../../operator/plan/rollout.ts';
import { rolloutSteps } from '../../../../operator/reconcile/rolloutSteps.ts';
import {
  config,
  deploymentOf,
  observed,
  pipeline,
  podOf,
  stableService,
  stored,
} from '../../../support/fixtures/objects.ts';

const scaling = { minReplicas: 2, maxReplicas: 2 };
const old = stored({ scaling, endpoint: { requestTimeout: '1s' } });
const now = stored({ scaling });
const serving = {
  service: stableService(old),
  deployments: [deploymentOf(old, 2, 2), deploymentOf(now, 2, 2)],
  revisions: [now, old],
};

const rows: { when: string; seen: Partial<ObservedPipeline>; lines: object[] }[] = [
  {
    when: 'the first revision',
    seen: {},
    lines: [
      { message: 'revision created', revision: now.name },
      { message: 'scaled', revision: now.name, from: 0, to: 2 },
    ],
  },
  {
    when: 'a candidate with all of its pods',
    seen: { ...serving, pods: [podOf(now), podOf(now), podOf(old), podOf(old)] },
    lines: [{ message: 'traffic moved', from: old.name, to: now.name }],
  },
  {
    when: 'a revision that serves',
    seen: { ...serving, service: stableService(now), deployments: [deploymentOf(now, 2, 2)], revisions: [now] },
    lines: [],
  },
];

describe('the log lines of a rollout', () => {
  for (const { when, seen, lines } of rows) {
    it(when, () => {
      const all = observed({ pipeline: pipeline({ scaling }), ...seen });
      expect(rolloutSteps(all, planRollout(all, config))).to.deep.equal(lines);
    });
  }
});
