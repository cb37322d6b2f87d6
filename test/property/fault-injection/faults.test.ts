/** Two dozen fault plans and four planted bugs; four hundred and all of them by `npm run test:faults`. */
import { expect } from 'chai';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '../../../operator/api/kinds.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { hunt, play, references, store } from './main.ts';
import type { Plan } from './plan.ts';
import { allPlans } from './plans.ts';
import { PLANTED, plansFor } from './planted.ts';
import type { Outcome, Reference } from './run.ts';
import { Safety } from './safety.ts';
import { NO_REVISION, NOWHERE, pipeline, SCRIPT } from './workloads.ts';
import { waitFor } from '../../support/waitFor.ts';
import { startStage, type Stage } from '../../support/control-plane/stage.ts';
import { retried } from '../../support/retried.ts';

const WORKLOADS = [
  'create a Production pipeline with a script',
  'serve a new version of the model',
  'update to a script whose init() throws',
  'delete a pipeline, and make it again',
];
const SOON_FOUND = [
  'silence on an open connection is taken for peace',
  'a rotated token is found out within a minute, not at the first 401',
  'deletions have no preconditions',
  'a write that the server refused once is not tried again',
];

describe('faults between the operator and the API server', function () {
  this.timeout(300_000);
  let stage: Stage;
  let known: Record<string, Reference>;
  let plans: Plan[];
  before(async () => {
    stage = await startStage();
    known = await references(stage, WORKLOADS);
    plans = allPlans(known, 1);
  });
  after(() => stage.stop());

  /** What fails is told and played once more by itself: on two shared cores a process stalls now and then. */
  async function playTwice(some: Plan[]): Promise<Outcome[]> {
    const first = await play(stage, some, known);
    const failed = first.filter(({ problems }) => problems.length > 0);
    for (const outcome of failed) retried('plan', store(outcome));
    const second = await play(
      stage,
      failed.map(({ plan }) => plan),
      known,
    );
    return [...first.filter(({ problems }) => problems.length === 0), ...second];
  }

  it('each of 24 plans ends in the state of the run without a fault, and stays there', async () => {
    const frozen = (plan: Plan): boolean => plan.faults.some((fault) => fault.do === 'depose the leader');
    const some = [...plans.filter((plan) => !frozen(plan)).slice(0, 23), plans.find(frozen)!];
    const outcomes = await playTwice(some);
    expect(outcomes.filter(({ problems }) => problems.length > 0).map(store)).to.deep.equal([]);
    expect(outcomes).to.have.length(24);
  });

  it('plans that failed once pass', async () => {
    const once = globSync('test/property/fault-injection/regressions/*.json', {
      cwd: join(import.meta.dirname, '../../..'),
    })
      .map((file) => JSON.parse(readFileSync(join(import.meta.dirname, '../../..', file), 'utf8')) as Plan)
      .filter(({ workload }) => WORKLOADS.includes(workload));
    const outcomes = await playTwice(once);
    expect(outcomes.filter(({ problems }) => problems.length > 0).map(store)).to.deep.equal([]);
  });

  it('an endpoint without Ready pods is seen, if it is still so at a second look', async () => {
    const [namespace, labels] = [
      'safety',
      (revision: string) => ({ [LABEL.managedBy]: 'penstock', [LABEL.revision]: revision }),
    ];
    await stage.namespace(namespace);
    const safety = new Safety(stage, namespace);
    safety.watch();
    await stage.admin.create(pipeline(namespace, { target: 'Development', scoring: { script: SCRIPT } }));
    await stage.admin.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'one', namespace, labels: labels('one') },
      spec: { containers: [{ name: 'scorer', image: 'none' }] },
    } as KubeObject);
    await stage.admin.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'p', namespace },
      spec: { selector: labels('one'), ports: [{ port: 80 }] },
    } as KubeObject);
    await waitFor(
      async () => stage.pods.readyPods(namespace, 'one') === 1 && stage.latest('Service', namespace, 'p') !== undefined,
    );
    const select = (revision: string): Promise<unknown> =>
      stage.admin.merge(KIND.service, namespace, 'p', { body: { spec: { selector: labels(revision) } } });
    await select('two');
    await select('one');
    await sleep(1000);
    expect(safety.violations, 'it has moved on').to.deep.equal([]);
    await select(NO_REVISION);
    await sleep(1000);
    expect(safety.violations, 'the user’s own doing').to.deep.equal([]);
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'p-activator', namespace, labels: { [LABEL.managedBy]: 'penstock' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [NOWHERE], conditions: { ready: false } }],
      ports: [],
    };
    await stage.admin.create(slice);
    await select('two');
    await sleep(1000);
    expect(safety.violations, 'the user’s own doing, at zero').to.deep.equal([]);
    await stage.admin.remove(KIND.endpointSlice, namespace, 'p-activator');
    await waitFor(async () => safety.violations.length > 0);
    expect(safety.violations).to.deep.equal([
      'the stable Service selects two, which has no Ready pod, and no activator stands in',
    ]);
    safety.stop();
  });

  it('the harness finds planted bugs', async () => {
    const bugs = PLANTED.filter(({ name }) => SOON_FOUND.includes(name));
    const found = await Promise.all(
      bugs.map((bug) =>
        hunt(stage, bug, plansFor(bug, plans, known[bug.workload] ?? { writes: [], events: [] }), known),
      ),
    );
    expect(bugs.filter((_, i) => !found[i]).map(({ name }) => name)).to.deep.equal([]);
    expect(bugs.length).to.equal(SOON_FOUND.length);
  });
});
