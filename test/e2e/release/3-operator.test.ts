/** The operator's own pods on the real cluster: killed, restarted, and with a scorer image that does not exist. */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { deploy } from '../../../hack/cluster/deploy.ts';
import {
  children,
  eventually,
  inNamespace,
  irisPods,
  irisServes,
  leader,
  operatorPods,
  released,
  writesIn,
} from '../releasedCluster.ts';

/** Minutes by `DOWN_SECONDS=300 npm run test:release`. */
const DOWN_MS = Number(process.env.DOWN_SECONDS ?? 5) * 1000;

/** The chart's policy keeps every other account from changing a child. */
const AS_KUBERNETES = ['--as=system:serviceaccount:kube-system:generic-garbage-collector', '--as-group=system:masters'];

describe('the operator on the real cluster', function () {
  this.timeout(10 * 60_000 + DOWN_MS);
  before(async () => {
    await released();
    await irisServes();
    await eventually(90, 'the namespaces of earlier stories are gone', async () =>
      (await kubectl(['get', 'namespaces', '-o', 'jsonpath={.items[*].status.phase}'])).includes('Terminating')
        ? undefined
        : true,
    );
    await sleep(3000);
  });

  it('after a kill and a restart it writes nothing', async () => {
    // The metrics API is away with the operator, and an autoscaler that asks meanwhile gives the status something new
    // to say: a fixed count has none.
    await inNamespace('patch', 'ipl', 'iris', '--type=merge', '-p', '{"spec": {"scaling": {"maxReplicas": 1}}}');
    await eventually(30, 'no autoscaler', async () =>
      (await inNamespace(
        'get',
        'hpa,ipl',
        '-o',
        'jsonpath={.items[*].kind} {.items[*].status.conditions[?(@.type=="ScalingActive")].reason}',
      )) === 'InferencePipeline FixedReplicas'
        ? true
        : undefined,
    );
    const before = await children();
    await operatorPods(
      'delete',
      'pods',
      '-l',
      'app.kubernetes.io/component=operator',
      '--grace-period=0',
      '--force',
      '--wait',
    );
    const { metrics } = await eventually(60, 'a new leader', leader);
    expect(writesIn(metrics)).to.deep.equal([]);
    await sleep(5000);
    expect(writesIn((await leader())!.metrics)).to.deep.equal([]);
    expect(await children()).to.equal(before);
  });

  it('another replica leads after a crash within the lease time, after SIGTERM at once', async () => {
    await operatorPods('rollout', 'status', 'deployment/penstock-operator', '--timeout=180s');
    const first = await eventually(30, 'a leader', leader);
    await operatorPods('delete', 'pod', first.pod, '--wait=false');
    const second = await eventually(15, 'a follower', async () => {
      const now = await leader();
      return now && now.pod !== first.pod ? now : undefined;
    });
    await inNamespace(
      'patch',
      'ipl',
      'iris',
      '--type=merge',
      '-p',
      '{"spec": {"scaling": {"minReplicas": 2, "maxReplicas": 3}}}',
    );
    await inNamespace('wait', 'ipl/iris', '--for=jsonpath={.status.replicas.summary}=2/2', '--timeout=180s');
    expect(second.pod).not.to.equal(first.pod);
  });

  it('a new value of penstock.dev/restartedAt makes a new revision of the same spec', async () => {
    const before = await inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.status.activeRevision}');
    await inNamespace('annotate', 'ipl', 'iris', 'penstock.dev/restartedAt=now');
    await eventually(90, 'another active revision', async () =>
      (await inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.status.activeRevision}')) === before
        ? undefined
        : true,
    );
    await eventually(60, 'pods of one revision', async () =>
      (await inNamespace('get', 'deployments', '-o', 'name')).trim().split('\n').length === 1 ? true : undefined,
    );
  });

  it('a ModelVersion in use cannot be deleted, and the refusal says who uses it', async () => {
    const refusal: unknown = await inNamespace('delete', 'mver', 'iris-1').catch(
      (error: unknown) => (error as { stderr?: string }).stderr,
    );
    expect(String(refusal)).to.contain(
      'ModelVersion iris-1 is used by InferencePipeline iris. Change its spec.models, or delete it first: kubectl -n',
    );
  });

  it('children that were deleted or edited without an operator are restored within 30 s, and no pod restarts', async () => {
    const before = await irisPods();
    const revision = await inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.status.activeRevision}');
    await operatorPods('scale', 'deployment/penstock-operator', '--replicas=0');
    await operatorPods('wait', 'pods', '-l', 'app.kubernetes.io/component=operator', '--for=delete', '--timeout=180s');
    await inNamespace('delete', 'service', 'iris');
    await inNamespace('delete', 'configmap', 'iris-traffic');
    await inNamespace('delete', 'configmap', revision);
    await inNamespace('delete', 'networkpolicy', 'iris');
    await inNamespace(
      'patch',
      'deployment',
      revision,
      '--type=json',
      '-p',
      '[{"op": "remove", "path": "/metadata/ownerReferences"}]',
      ...AS_KUBERNETES,
    );
    await sleep(DOWN_MS);
    expect(await irisPods(), 'the pods serve on').to.equal(before);
    await operatorPods('scale', 'deployment/penstock-operator', '--replicas=2');
    await operatorPods('rollout', 'status', 'deployment/penstock-operator', '--timeout=180s');
    await eventually(30, 'all children are there again', async () => {
      const names = await inNamespace(
        'get',
        `service/iris`,
        'configmap/iris-traffic',
        `configmap/${revision}`,
        'networkpolicy/iris',
        '-o',
        'name',
      );
      const owner = await inNamespace(
        'get',
        'deployment',
        revision,
        '-o',
        'jsonpath={.metadata.ownerReferences[0].kind}',
      );
      return names.trim().split('\n').length === 4 && owner === 'InferencePipeline' ? true : undefined;
    });
    expect(await irisPods(), 'no pod was touched').to.equal(before);
  });

  it('a new scorer image changes no revision; a missing image is reported, and the stable revision serves', async () => {
    const before = await irisPods();
    await deploy(['scorer.image.repository=127.0.0.1:1/not-there']); // nothing listens: refused at once
    await sleep(2000);
    expect(await irisPods()).to.equal(before);
    await inNamespace(
      'patch',
      'ipl',
      'iris',
      '--type=merge',
      '-p',
      '{"spec": {"podMetadata": {"labels": {"team": "new"}}}}',
    );
    await inNamespace(
      'wait',
      'ipl/iris',
      '--for=jsonpath={.status.conditions[?(@.type=="UpToDate")].reason}=ImagePullLoopBackOff',
      '--timeout=180s',
    );
    expect(
      await inNamespace(
        'get',
        'ipl',
        'iris',
        '-o',
        'jsonpath={.status.conditions[?(@.type=="Available")].status} {.status.replicas.summary}',
      ),
    ).to.equal('True 2/2');
    await deploy();
    await inNamespace('patch', 'ipl', 'iris', '--type=json', '-p', '[{"op": "remove", "path": "/spec/podMetadata"}]');
    await inNamespace('wait', 'ipl/iris', '--for=condition=UpToDate', '--timeout=180s');
    await eventually(60, 'just the pods that were there', async () =>
      (await irisPods()) === before ? true : undefined,
    );
  });
});
