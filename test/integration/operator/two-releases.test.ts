/**
 * Two releases watch the same namespace, which helm refuses and other tools do not: one manages it, the other waits.
 */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '../../../operator/api/kinds.ts';
import type { InferencePipeline } from '../../../operator/api/types.gen.ts';
import { pipeline, SCRIPT } from '../../property/fault-injection/workloads.ts';
import { HASTE, startOperatorOn, type Mutation, type OperatorProcess } from '../../support/control-plane/operators.ts';
import { startStage, SYSTEM, type Stage } from '../../support/control-plane/stage.ts';
import { writesByKind } from '../../support/fixtures/metrics.ts';
import { waitFor } from '../../support/waitFor.ts';

const NAMESPACE = 'two-releases';
const OTHER = 'other-system';
/** Seconds in place of minutes. */
const SOONER: Mutation[] = [
  { file: 'operator/plan/claim.ts', from: 'const ANSWER_MS = 60_000;', to: 'const ANSWER_MS = 3_000;' },
  { file: 'operator/plan/claim.ts', from: 'const REFUSED_MS = 600_000;', to: 'const REFUSED_MS = 6_000;' },
];

describe('two releases over one namespace', function () {
  this.timeout(90_000);
  let stage: Stage;
  let first: OperatorProcess;
  let second: OperatorProcess;
  const started: OperatorProcess[] = [];
  const start = async (namespace: string): Promise<OperatorProcess> => {
    const env = { POD_NAMESPACE: namespace };
    const operator = await startOperatorOn(stage, { identity: namespace, env, mutations: [...HASTE, ...SOONER] });
    started.push(operator);
    return operator;
  };
  const current = async () => (await stage.admin.get(KIND.pipeline, NAMESPACE, 'p')) as unknown as InferencePipeline;
  const served = async (generation: number) =>
    (await current()).status?.conditions?.some(
      ({ type, status, observedGeneration }) =>
        type === 'UpToDate' && status === 'True' && observedGeneration === generation,
    ) ?? false;
  const change = (requestTimeout: string) =>
    stage.admin.merge(KIND.pipeline, NAMESPACE, 'p', { body: { spec: { endpoint: { requestTimeout } } } });
  const writes = async (operator: OperatorProcess) => writesByKind(await operator.metrics());

  before(async () => {
    stage = await startStage({ clusterWide: true });
    await stage.admin.namespace(NAMESPACE);
    await stage.namespace(OTHER); // with the Role for its Lease
    first = await start(SYSTEM);
    await stage.admin.apply(pipeline(NAMESPACE, { target: 'Development', scoring: { script: SCRIPT } }));
    await waitFor(() => served(1), 30_000);
    second = await start(OTHER);
  });
  after(async () => {
    for (const operator of started) await operator.end('SIGTERM');
    await stage.stop();
  });

  it('the second one is refused, and says in an Event which operator manages the pipeline', async () => {
    const event = async () =>
      stage.kubectlRun([
        '-n',
        NAMESPACE,
        'get',
        'events',
        '-o',
        'jsonpath={range .items[*]}{.reason}: {.message}{end}',
      ]);
    await waitFor(async () => (await event()).includes('ManagedElsewhere'), 20_000);
    expect(await event()).to.contain(
      `ManagedElsewhere: the operator in namespace ${SYSTEM} manages this object, and the one in namespace ${OTHER} leaves it alone`,
    );
    expect((await current()).status?.operator).to.deep.include({ namespace: SYSTEM });
  });

  it('they do not write against each other', async () => {
    const total = async () =>
      (await Promise.all(started.map(writes))).flatMap((counts) => Object.values(counts)).reduce((a, b) => a + b, 0);
    const before = await total();
    await sleep(3000);
    expect((await total()) - before).to.be.at.most(3); // one more claim and its answer
  });

  it('a change is served by the first one; the second one writes nothing but claims', async () => {
    const before = await writes(second);
    await change('9s');
    await waitFor(() => served(2), 30_000);
    const after = await writes(second);
    const added = Object.entries(after).filter(([kind, count]) => count > (before[kind] ?? 0) + 1);
    expect(added, 'one more claim of the pipeline may be written').to.deep.equal([]);
    expect(Object.keys(after).filter((kind) => !kind.includes('InferencePipeline'))).to.deep.equal([]);
  });

  it('when the first one is uninstalled, the second one manages the pipeline, and no pod restarts', async () => {
    const { activeRevision } = (await current()).status!;
    await first.end('SIGTERM');
    await waitFor(async () => (await current()).status?.operator?.namespace === OTHER, 30_000);
    expect((await current()).status).to.include({ activeRevision });
    await change('8s');
    await waitFor(() => served(3), 30_000);
  });
});
