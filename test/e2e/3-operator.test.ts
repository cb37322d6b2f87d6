/** The operator's own pods on the real cluster: killed, restarted, and with a scorer image that does not exist. */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { up } from '../cluster/cluster.ts';
import { deploy } from '../cluster/deploy.ts';
import { children, eventually, inNamespace, irisPods, irisServes, leader, operatorPods, writesIn } from './cluster-story.ts';

describe('the operator on the real cluster', function () {
  this.timeout(5 * 60_000);
  before(async () => {
    await up();
    await deploy();
    await irisServes();
    await sleep(3000);
  });

  it('killed and started again, it writes nothing', async () => {
    const before = await children();
    await operatorPods('delete', 'pods', '-l', 'app.kubernetes.io/component=operator', '--grace-period=0', '--force', '--wait');
    const { metrics } = await eventually(60, 'a new leader', leader);
    expect(writesIn(metrics)).to.deep.equal([]);
    await sleep(5000);
    expect(writesIn((await leader())!.metrics)).to.deep.equal([]);
    expect(await children()).to.equal(before);
  });

  it('a leader that dies is followed within its lease, one that is told to stop at once', async () => {
    await operatorPods('rollout', 'status', 'deployment/penstock-operator', '--timeout=60s');
    const first = await eventually(30, 'a leader', leader);
    await operatorPods('delete', 'pod', first.pod, '--wait=false');
    const second = await eventually(15, 'a follower', async () => {
      const now = await leader();
      return now && now.pod !== first.pod ? now : undefined;
    });
    await inNamespace('patch', 'ipl', 'iris', '--type=merge', '-p', '{"spec": {"scaling": {"minReplicas": 2}}}');
    await inNamespace('wait', 'ipl/iris', '--for=jsonpath={.status.replicas.summary}=2/2', '--timeout=60s');
    expect(second.pod).not.to.equal(first.pod);
  });

  it('a new scorer image re-rolls no revision; one that is not there is said, and the old revision serves on', async () => {
    const before = await irisPods();
    await deploy(['scorer.image.repository=127.0.0.1:1/not-there']); // nothing listens: refused at once
    await sleep(2000);
    expect(await irisPods()).to.equal(before);
    await inNamespace('patch', 'ipl', 'iris', '--type=merge', '-p', '{"spec": {"podMetadata": {"labels": {"team": "new"}}}}');
    await inNamespace('wait', 'ipl/iris', '--for=jsonpath={.status.conditions[?(@.type=="UpToDate")].reason}=ImagePullLoopBackOff', '--timeout=60s');
    expect(await inNamespace('get', 'ipl', 'iris', '-o', 'jsonpath={.status.conditions[?(@.type=="Available")].status} {.status.replicas.summary}')).to.equal('True 2/2');
    await deploy();
    await inNamespace('patch', 'ipl', 'iris', '--type=json', '-p', '[{"op": "remove", "path": "/spec/podMetadata"}]');
    await inNamespace('wait', 'ipl/iris', '--for=condition=UpToDate', '--timeout=60s');
    await eventually(60, 'just the pods that were there', async () => ((await irisPods()) === before ? true : undefined));
  });
});
