/** A new scorer image reaches pipelines whose spec does not change: a few at a time, each by a rollout of its own. */
import { expect } from 'chai';
import { KIND } from '../../../operator/api/kinds.ts';
import type { InferencePipeline } from '../../../operator/api/types.gen.ts';
import { pipeline, SCRIPT } from '../../property/fault-injection/workloads.ts';
import { startOperatorOn, type OperatorProcess } from '../../support/control-plane/operators.ts';
import { startStage, SYSTEM, type Stage } from '../../support/control-plane/stage.ts';
import { waitFor } from '../../support/waitFor.ts';

const NAMESPACE = 'refresh';
const [OLD, NEW] = ['penstock/scorer:1', 'penstock/scorer:2'];
const NAMES = ['a', 'b', 'c', 'd', 'e'];

describe('a new scorer image', function () {
  this.timeout(120_000);
  let stage: Stage;
  let operator: OperatorProcess;
  const start = async (env: Record<string, string>): Promise<void> => {
    operator = await startOperatorOn(stage, { identity: 'refresh', env: { POD_NAMESPACE: SYSTEM, ...env } });
  };
  const restart = async (env: Record<string, string>): Promise<void> => {
    await operator.end('SIGTERM');
    await start(env);
  };
  const pipelines = async () => (await stage.admin.list(KIND.pipeline, NAMESPACE)) as unknown as InferencePipeline[];
  const withImage = async (image: string): Promise<string[]> =>
    (await pipelines()).filter(({ status }) => status?.scorerImage === image).map(({ metadata }) => metadata.name);
  const haveImage = (image: string, count: number) =>
    waitFor(async () => (await withImage(image)).length === count, 60_000, {
      what: `${count} pipelines with ${image}`,
    });
  const behind = async () => /^penstock_operator_pipelines_behind (\d+)$/m.exec(await operator.metrics())?.[1];

  before(async () => {
    stage = await startStage({ clusterWide: true });
    await stage.admin.namespace(NAMESPACE);
    await start({ SCORER_IMAGE: OLD });
    for (const name of NAMES) {
      const object = pipeline(NAMESPACE, { target: 'Development', scoring: { script: SCRIPT } });
      await stage.admin.apply({ ...object, metadata: { ...object.metadata, name } });
    }
    await haveImage(OLD, NAMES.length);
  });
  after(async () => {
    await operator.end('SIGTERM');
    await stage.stop();
  });

  it('is for new revisions only, and a metric counts the pipelines with another one', async () => {
    await restart({ SCORER_IMAGE: NEW });
    await waitFor(async () => (await behind()) === '5');
    expect(await withImage(OLD)).to.deep.equal(NAMES);
  });

  it('a pipeline with the annotation gets it', async () => {
    await stage.admin.merge(KIND.pipeline, NAMESPACE, 'a', {
      body: { metadata: { annotations: { 'penstock.dev/refreshScorer': 'true' } } },
    });
    await haveImage(NEW, 1);
    expect(await behind()).to.equal('4');
  });

  it('with updatePolicy Immediate all get it, two at a time, and each keeps serving', async () => {
    let most = 0;
    let unavailable: string[] = [];
    const watch = stage.watchNamespace(NAMESPACE, () => {
      const busy = NAMES.filter((name) => {
        const { status } = stage.latest('InferencePipeline', NAMESPACE, name) as unknown as InferencePipeline;
        const available = status?.conditions?.find(({ type }) => type === 'Available')?.status === 'True';
        if (!available) unavailable = [...unavailable, name];
        return status?.revisions?.some(({ image, weightPercent }) => image === NEW && weightPercent === 0) ?? false;
      });
      most = Math.max(most, busy.length);
    });
    await restart({ SCORER_IMAGE: NEW, SCORER_UPDATE_POLICY: 'Immediate', SCORER_UPDATES_AT_ONCE: '2' });
    await haveImage(NEW, NAMES.length);
    watch();
    expect(most).to.be.within(1, 2);
    expect(unavailable).to.deep.equal([]);
    expect(await behind()).to.equal('0');
  });

  it('stays when the policy is OnChange again, and a changed spec is one revision more', async () => {
    await restart({ SCORER_IMAGE: NEW });
    const revisions = async () => (await pipelines()).map(({ status }) => status?.activeRevision);
    const before = await revisions();
    await stage.admin.merge(KIND.pipeline, NAMESPACE, 'e', { body: { spec: { endpoint: { requestTimeout: '9s' } } } });
    await waitFor(async () => (await revisions()).at(-1) !== before.at(-1));
    expect((await revisions()).slice(0, -1)).to.deep.equal(before.slice(0, -1));
    expect(await withImage(NEW)).to.deep.equal(NAMES);
  });
});
