/**
 * Least privilege, proven: one pipeline's life in which the operator does all it ever does, each creation with its
 * answer lost, under an audit log. What the chart grants is what was used, verb for verb.
 */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { record, runPlan, type Outcome, type Reference } from '../../property/fault-injection/run.ts';
import { granted, used, type Rule } from '../../support/control-plane/audit.ts';
import { ACCOUNT, chart, startStage, SYSTEM, type Stage } from '../../support/control-plane/stage.ts';

const WORKLOAD = 'everything an operator ever does';

describe('least privilege', function () {
  this.timeout(180_000);
  let stage: Stage;
  let reference: Reference;
  let outcome: Outcome;
  before(async () => {
    stage = await startStage({ audit: true });
    reference = await record(stage, WORKLOAD);
    const posts = reference.writes.filter(({ method }) => method === 'POST');
    outcome = await runPlan(
      stage,
      { id: 'lost-answers', workload: WORKLOAD, faults: posts.map(({ n }) => ({ do: 'lose the reply', write: n })) },
      reference,
      { standby: true },
    );
    await sleep(2000); // the log is written in batches
  });
  after(() => stage.stop());

  it('with a lost response to every POST, the end state is the same', () => expect(outcome.problems).to.deep.equal([]));

  it('nothing that the operator asked for was forbidden', () =>
    expect(used(stage.auditLog).forbidden).to.deep.equal([]));

  it('the chart’s Roles grant exactly the verbs that were used', async () => {
    const roles = (await chart('watchNamespaces={stage}'))
      .filter(({ kind, metadata }) => kind === 'Role' && metadata.name.startsWith(ACCOUNT))
      .flatMap(({ rules }) => (rules ?? []) as Rule[]);
    const [wanted, got] = [used(stage.auditLog).grants, granted(roles)];
    expect({
      unused: [...got].filter((grant) => !wanted.has(grant)),
      missing: [...wanted].filter((grant) => !got.has(grant)),
    }).to.deep.equal({ unused: [], missing: [] });
  });

  it('the ClusterRole of a release that watches everything is the same as those Roles', async () => {
    const rules = (objects: Awaited<ReturnType<typeof chart>>, kind: string): object[] =>
      objects
        .filter((object) => object.kind === kind && object.metadata.name === ACCOUNT)
        .flatMap((object) => object.rules ?? []);
    const [confined, everywhere] = [await chart('watchNamespaces={stage}'), await chart()];
    expect(rules(everywhere, 'ClusterRole')).to.deep.equal(rules(confined, 'Role'));
    expect(
      everywhere
        .filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === SYSTEM)
        .map(({ metadata }) => metadata.name),
      'what is a matter of one namespace stays so: the Lease, the certificate of the metrics API',
    ).to.deep.equal(['penstock-metrics', 'penstock-operator-leader']);
  });
});
