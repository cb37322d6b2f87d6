/** What the client sends for each verb, over a pool whose dispatcher records the requests. */
import { expect } from 'chai';
import { MockAgent, type Dispatcher } from 'undici';
import { CLIENT_PROFILE, KIND } from '../../../../../operator/api/kinds.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { KubeClient } from '@penstock/kube/client/client';
import { NotLeading } from '@penstock/kube/client/fence';
import type { Pool } from '@penstock/kube/client/pool';

const HOST = 'http://api.test';
const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'iris', namespace: 'ns', uid: 'uid-1', resourceVersion: '7' },
};

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

/** A client whose requests are answered with `answer`, and the requests that it has sent. */
function recorded(answer: object, options: { mayWrite?: () => boolean } = {}) {
  const [agent, sent] = [new MockAgent(), [] as Sent[]];
  agent.disableNetConnect();
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE'])
    agent
      .get(HOST)
      .intercept({ path: () => true, method })
      .reply(200, ({ path, body }) => {
        sent.push({ method, path, body: body ? (JSON.parse(body as string) as unknown) : undefined });
        return answer;
      })
      .persist();
  const dispatchers = { calls: agent as Dispatcher, watches: agent as Dispatcher, lease: agent as Dispatcher };
  const pool = { access: () => Promise.resolve({ server: HOST, dispatchers, headers: {} }) } as unknown as Pool;
  return { client: new KubeClient(pool, CLIENT_PROFILE, options), sent };
}

describe('the client of the API server', () => {
  it('deletes only the object that was read', async () => {
    const { client, sent } = recorded({});
    await client.remove(deployment);
    expect(sent[0]).to.deep.include({ method: 'DELETE', path: '/apis/apps/v1/namespaces/ns/deployments/iris' });
    expect(sent[0]!.body).to.deep.include({ preconditions: { uid: 'uid-1', resourceVersion: '7' } });
  });

  it('scales only the Deployment that was read, through the scale subresource', async () => {
    const { client, sent } = recorded({});
    await client.scale(deployment.metadata, 3);
    expect(sent[0]!.path).to.match(/\/deployments\/iris\/scale\?fieldManager=/);
    expect(sent[0]!.body).to.deep.equal({
      metadata: { uid: 'uid-1', resourceVersion: '7' },
      spec: { replicas: 3 },
    });
  });

  it('patches the status of only the version that was read', async () => {
    const { client, sent } = recorded({});
    await client.patchStatus(deployment, { a: 1 });
    expect(sent[0]!.body).to.deep.equal({ metadata: { uid: 'uid-1', resourceVersion: '7' }, status: { a: 1 } });
  });

  it('the last warning is the newest one', async () => {
    const { client } = recorded({
      items: [
        { note: 'old', metadata: { creationTimestamp: '2026-11-23T11:00:00Z' } },
        { note: 'new', metadata: { creationTimestamp: '2026-11-23T12:00:00Z' } },
        { note: 'older', metadata: { creationTimestamp: '2026-11-23T10:00:00Z' } },
      ],
    });
    expect(await client.lastWarning('ns', 'uid')).to.equal('new');
  });

  it('sends no write when the replica does not lead', async () => {
    const { client, sent } = recorded({}, { mayWrite: () => false });
    const error: unknown = await Promise.resolve()
      .then(() => client.create(deployment))
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(NotLeading);
    expect(sent).to.deep.equal([]);
  });

  it('sends no write when the replica stops leading before the first byte', async () => {
    let asked = 0;
    const { client, sent } = recorded({}, { mayWrite: () => (asked += 1) === 1 });
    const error: unknown = await client.create(deployment).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(NotLeading);
    expect(sent).to.deep.equal([]);
  });

  it('reads also when the replica does not lead', async () => {
    const { client, sent } = recorded({ metadata: {} }, { mayWrite: () => false });
    await client.get(KIND.deployment, 'ns', 'iris');
    expect(sent).to.have.length(1);
  });
});
