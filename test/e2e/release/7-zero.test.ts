/**
 * Scale to zero and from zero on the real cluster: no request is lost, also when pods or activators are deleted, and
 * only a request with a valid key starts a pod. `npm run test:zero` is the long form.
 */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from '../../../hack/cluster/kubectl.ts';
import { RELEASE } from '../../../hack/cluster/deploy.ts';
import { cycle } from '../../perf/scale-to-zero/cycles.ts';
import { Sleepers, wakesSoFar, type Summary } from '../../perf/scale-to-zero/sleepers.ts';
import { eventually, released } from '../releasedCluster.ts';

const SLOW_START =
  'export async function init() { await new Promise((resolve) => setTimeout(resolve, 8000)); }\nexport async function run() { return 1; }\n';
const CYCLED = ['a', 'b', 'c', 'd'];
interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const place = new Sleepers('e2e-zero');
const release = (...args: string[]): Promise<string> => kubectl(['-n', RELEASE.namespace, ...args]);
const atZero = (name: string): Promise<true> =>
  eventually(60, `${name} at zero`, async () => ((await place.scaling(name)) === 'idle, at zero' ? true : undefined));
const replicas = (name: string): Promise<string> =>
  place.kubectl([
    'get',
    'deployment',
    '-l',
    `penstock.dev/pipeline=${name}`,
    '-o',
    'jsonpath={.items[*].spec.replicas}',
  ]);
const burst = (name: string, count: number): Promise<Summary> =>
  place.client('burst', `http://${name}/score`, 'x', String(count));
const score = (name: string, headers: object = {}): Promise<Answer> =>
  place.client<Answer>('request', 'POST', `http://${name}/score`, 'x', JSON.stringify(headers), 'patient');

describe('to zero and back', function () {
  this.timeout(8 * 60_000);

  before(async () => {
    const { scorer } = await released();
    await place.begin(`penstock/scorer:${scorer}`);
    await Promise.all([
      place.apply('managed', { target: 'Managed', scaling: { maxReplicas: 3, scaleToZeroAfter: '10s' } }),
      ...CYCLED.map((name) => place.apply(name)),
      place.apply('slow', { scoring: { script: SLOW_START } }),
    ]);
    await Promise.all(['managed', ...CYCLED, 'slow'].map((name) => place.serves(name)));
  });
  after(async () => {
    await release('scale', 'deployment', `${RELEASE.name}-activator`, '--replicas=2');
    await place.end();
  });

  it('a Managed pipeline at zero stays Ready; only a request with a key scales it up', async () => {
    await atZero('managed');
    const said = (path: string): Promise<string> => place.kubectl(['get', 'ipl', 'managed', '-o', `jsonpath=${path}`]);
    expect(
      await said('{.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="UpToDate")].status}'),
    ).to.equal('True True');
    await eventually(10, '0/0: the last pod is counted until it is gone', async () =>
      (await said('{.status.replicas.summary}')) === '0/0' ? true : undefined,
    );
    const strangers = await place.client(
      'burst',
      'http://managed/score',
      'x',
      '100',
      '{"authorization": "Bearer wrong"}',
    );
    expect(Object.entries(strangers.failures).map(([what, count]) => [what.slice(0, 36), count])).to.deep.equal([
      ['401 {"message":"Invalid credentials:', 100],
    ]);
    expect((await place.client<Answer>('request', 'GET', 'http://managed/')).body, 'nor does a health check').to.equal(
      'Healthy',
    );
    expect(await replicas('managed')).to.equal('0');
    const key = Buffer.from(
      await place.kubectl(['get', 'secret', 'managed-keys', '-o', 'jsonpath={.data.primaryKey}']),
      'base64',
    ).toString();
    const answer = await score('managed', { authorization: `Bearer ${key}`, 'x-request-id': 'mine' });
    expect([answer.status, answer.headers['x-request-id'], answer.headers.connection]).to.deep.equal([
      200,
      'mine',
      'close',
    ]);
    await eventually(10, 'the activator is out of the way', async () =>
      (await place.kubectl([
        'get',
        'endpointslice',
        'managed-activator',
        '-o',
        'jsonpath={.endpoints[*].addresses[0]}',
      ])) === ''
        ? true
        : undefined,
    );
    await eventually(10, 'the next one goes straight to the pod, once the nodes know', async () => {
      const next = await score('managed', { authorization: `Bearer ${key}` });
      expect(next.status).to.equal(200);
      return next.headers.connection === 'keep-alive' ? true : undefined;
    });
  });

  it('a health check every two seconds sees only 200, before, while and after the last pod goes', async () => {
    const statuses: number[] = [];
    let checksAtZero = 0;
    for (let check = 0; check < 60 && checksAtZero < 5; check++) {
      for (const path of ['', 'v2/health/live', 'v2/health/ready'])
        statuses.push((await place.client<Answer>('request', 'GET', `http://managed/${path}`)).status);
      if ((await place.scaling('managed')) === 'idle, at zero') checksAtZero += 1;
      await sleep(2000);
    }
    expect(checksAtZero).to.equal(5);
    expect(statuses.filter((status) => status !== 200)).to.deep.equal([]);
    expect(await replicas('managed')).to.equal('0');
  });

  it('500 at once at zero: all are answered, and one pod was asked for', async () => {
    await atZero('a');
    const wakes = await wakesSoFar();
    expect(await burst('a', 500)).to.deep.include({ ok: 500, failures: {} });
    expect((await wakesSoFar()) - wakes).to.equal(1);
  });

  it('five times to zero and back under requests: none is lost', async () => {
    const { ok, sent, failures, wakes } = await cycle(place, CYCLED, {
      wakes: 5,
      perCycle: 50,
      roundOf: 2,
      mostRounds: 6,
    });
    expect(failures).to.deep.equal({});
    expect(ok).to.equal(sent);
    expect(wakes).to.be.at.least(5);
  });

  it('an activator that is stopped answers its queued requests; the other one takes new ones', async () => {
    await atZero('slow');
    const first = burst('slow', 40);
    await sleep(2000);
    const pod = await release(
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=activator',
      '-o',
      'jsonpath={.items[0].metadata.name}',
    );
    await release('delete', 'pod', pod, '--wait=false');
    await sleep(1000);
    const second = burst('slow', 40);
    for (const summary of await Promise.all([first, second])) expect(summary).to.deep.include({ ok: 40, failures: {} });
    await release('rollout', 'status', `deployment/${RELEASE.name}-activator`, '--timeout=270s');
  });

  it('a pod that cannot start: waiting requests get the reason within seconds', async () => {
    await place.apply('broken', {
      scoring: {
        script:
          "export async function init() { throw new Error('no weights'); }\nexport async function run() { return 1; }\n",
      },
    });
    const answer = await eventually(30, 'an answer', async () => {
      const one = await score('broken');
      return one.status === 503 ? one : undefined;
    });
    expect(answer.body).to.match(/^\{"message":"The endpoint cannot serve now: UserScriptInitFailed: .*no weights/);
    expect(answer.headers['retry-after']).to.equal('10');
  });

  it('requests that wait for a deleted pipeline get 404 at once', async () => {
    await place.apply('doomed', { scoring: { script: SLOW_START.replace('8000', '60000') } });
    await eventually(20, 'a door', async () =>
      (await place.kubectl([
        'get',
        'endpointslice',
        'doomed-activator',
        '-o',
        'jsonpath={.endpoints[*].addresses[0]}',
      ])) === ''
        ? undefined
        : true,
    );
    await sleep(1500); // the nodes hear of it
    const answer = score('doomed');
    await sleep(1500);
    await place.kubectl(['delete', 'ipl', 'doomed', '--wait=false']);
    expect(await answer).to.deep.include({
      status: 404,
      body: '{"message":"The endpoint doomed does not exist any more"}',
    });
  });

  it('without activators, pipelines at zero are scaled up and idle ones stay; with activators they scale to zero again', async () => {
    // else all of them start at once, on two cores
    await place.kubectl(['delete', 'ipl', 'managed', 'slow', 'broken', 'c', 'd', '--wait=false']);
    await atZero('b');
    await release('scale', 'deployment', `${RELEASE.name}-activator`, '--replicas=0');
    await eventually(
      60,
      'woken',
      async () =>
        (await place.kubectl(['get', 'ipl', 'b', '-o', 'jsonpath={.status.replicas.summary}'])) === '1/1'
          ? true
          : undefined,
      async () =>
        `${await place.kubectl(['get', 'ipl,deploy,pods,endpointslices', '-o', 'wide'])}\n${await release('get', 'pods', '-o', 'wide')}`,
    );
    await eventually(10, 'the nodes have the endpoint of the pod', async () =>
      (await burst('b', 5)).ok === 5 ? true : undefined,
    );
    expect(await burst('b', 20)).to.deep.include({ ok: 20, failures: {} });
    const why = await eventually(30, 'why', async () => {
      const line = await place.scaling('b');
      return line.startsWith('idle for 10s') ? line : undefined;
    });
    expect(why).to.equal(
      'idle for 10s, but no activator is Ready that would take the next request: stays at 1 (kubectl get pods -A -l app.kubernetes.io/component=activator)',
    );
    await release('scale', 'deployment', `${RELEASE.name}-activator`, '--replicas=2');
    await atZero('b');
    expect(await burst('b', 20)).to.deep.include({ ok: 20, failures: {} });
  });
});
