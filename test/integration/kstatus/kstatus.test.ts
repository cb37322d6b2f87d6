/** What Flux, Argo and helm --wait read at each stage of a good and of a failed update: asked of kstatus itself. */
import { expect } from 'chai';
import { execa } from 'execa';
import { KIND } from '../../../operator/api/kinds.ts';
import type { InferencePipelineSpec } from '../../../operator/api/types.gen.ts';
import { kstatus } from '../../../hack/cluster/tools.ts';
import { condition, pipeline, SCRIPT, until } from '../../property/fault-injection/workloads.ts';
import type { AnyObject } from '../../support/control-plane/admin.ts';
import { startOperatorOn, type OperatorProcess } from '../../support/control-plane/operators.ts';
import { startStage, type Stage } from '../../support/control-plane/stage.ts';

const NAMESPACE = 'kstatus';
const spec = (timeout: string, play = 'ready'): InferencePipelineSpec => ({
  target: 'Development',
  scoring: { script: SCRIPT },
  endpoint: { requestTimeout: timeout },
  environment: { variables: [{ name: 'STAGE', value: play }] },
});

describe('kstatus', function () {
  this.timeout(120_000);
  let stage: Stage;
  let operator: OperatorProcess;
  let program: string;
  const seen: AnyObject[] = [];
  const stop = new AbortController();
  const place = {
    get admin() {
      return stage.admin;
    },
    namespace: NAMESPACE,
    patienceMs: 30_000,
  };
  before(async () => {
    [stage, program] = [await startStage(), await kstatus()];
    await stage.namespace(NAMESPACE);
    void stage.admin.follow(KIND.pipeline, stop.signal, (_, object) => seen.push(object));
    const env = { WATCH_NAMESPACES: NAMESPACE, POD_NAMESPACE: NAMESPACE };
    operator = await startOperatorOn(stage, { identity: 'k', env });
  });
  after(async () => {
    stop.abort();
    await operator.end('SIGTERM');
    await stage.stop();
  });

  /** The readings since the last call, of this generation and later ones, each once as it changed. */
  async function readings(from = 0): Promise<string[]> {
    const { metadata } = (await stage.admin.get(KIND.pipeline, NAMESPACE, 'p'))!;
    await until(
      place,
      'the watch has told of all',
      async () => Number(seen.at(-1)?.metadata.resourceVersion) >= Number(metadata.resourceVersion),
    );
    const objects = seen.splice(0).filter(({ metadata: { generation = 0 } }) => generation >= from);
    const { stdout } = await execa(program, {
      input: objects
        .map((object) => JSON.stringify({ ...object, apiVersion: 'penstock.dev/v1alpha1', kind: 'InferencePipeline' }))
        .join('\n'),
    });
    return stdout.split('\n').filter((line, i, all) => line !== all[i - 1]);
  }
  const is =
    (type: string, value = 'True') =>
    (): Promise<boolean> =>
      condition(stage.admin, KIND.pipeline, NAMESPACE, type).then(({ status }) => status === value);
  const wish = async (timeout: string, play?: string): Promise<number> =>
    (await stage.admin.apply(pipeline(NAMESPACE, spec(timeout, play)))).metadata.generation ?? 0;

  it('a new pipeline: InProgress from its first moment, then Current', async () => {
    await wish('1s');
    await until(place, 'UpToDate', is('UpToDate'));
    expect(await readings()).to.deep.equal(['InProgress', 'Current']);
  });

  it('a good update: InProgress until the new revision serves; Ready never flips', async () => {
    await wish('2s');
    await until(place, 'UpToDate', is('UpToDate'));
    const ready = seen.map(
      ({ status }) =>
        (status as { conditions: { type: string; status: string }[] }).conditions.find(({ type }) => type === 'Ready')
          ?.status,
    );
    expect([...new Set(ready)]).to.deep.equal(['True']);
    expect(await readings()).to.deep.equal(['InProgress', 'Current']);
  });

  it('a failed update: InProgress, then Failed; the stable revision serves', async () => {
    const generation = await wish('3s', 'init-fails'); // the update before may still have something to say
    await until(place, 'Stalled', is('Stalled'));
    expect(await readings(generation)).to.deep.equal(['InProgress', 'Failed']);
    expect(await is('Available')()).to.be.true;
  });

  it('a refused change: Failed, and Current again when it is reverted', async () => {
    await stage.admin.apply(
      pipeline(NAMESPACE, { ...spec('2s'), placement: { tolerations: [{ operator: 'Exists', value: 'cannot' }] } }),
    );
    await until(place, 'Stalled', is('Stalled'));
    await wish('2s');
    await until(place, 'UpToDate', is('UpToDate'));
    expect((await readings()).slice(-3).filter((one) => one !== 'InProgress')).to.deep.equal(['Failed', 'Current']);
  });
});
