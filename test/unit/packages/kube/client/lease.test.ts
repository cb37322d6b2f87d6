/** Leader election over a client that keeps one Lease. */
import { expect } from 'chai';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '@penstock/kube/client/client';
import { KubeError } from '@penstock/kube/client/errors';
import { LeadershipGate } from '@penstock/kube/client/leadershipGate';
import { LeaderLease } from '@penstock/kube/client/lease';

interface Record {
  metadata: { resourceVersion: string };
  spec: { holderIdentity?: string; leaseDurationSeconds?: number; renewTime?: string };
}

/** Keeps the lease, with `delayMs` before each response. */
function server(delayMs = 0) {
  let lease: Record | undefined;
  const writes: string[] = [];
  const client = {
    lease: async (method: 'GET' | 'POST' | 'PUT', _: string, __: string, { body }: { body?: Record }) => {
      await sleep(delayMs);
      if (method === 'GET' && !lease) throw new KubeError(404, 'NotFound', '');
      if (method === 'GET') return structuredClone(lease);
      writes.push(`${method} ${body!.spec.holderIdentity ?? ''}`);
      lease = { ...structuredClone(body!), metadata: { resourceVersion: String(writes.length) } };
      return lease;
    },
  } as unknown as KubeClient;
  return { client, writes, replace: (holderIdentity: string) => void (lease!.spec.holderIdentity = holderIdentity) };
}

function leaseOf(client: KubeClient, errors: unknown[] = []) {
  const gate = new LeadershipGate();
  const lease = new LeaderLease(client, gate, {
    namespace: 'ns',
    name: 'lease',
    identity: 'me',
    onError: (error) => void errors.push(error),
  });
  return { lease, gate };
}

describe('the lease', () => {
  it('is created and held', async () => {
    const { client, writes } = server();
    const { lease, gate } = leaseOf(client);
    expect(gate.open).to.equal(false);
    expect(await lease.acquire(new AbortController().signal)).to.equal(true);
    expect([gate.open, writes]).to.deep.equal([true, ['POST me']]);
  });

  it('is released, and nothing is written after that', async () => {
    const { client, writes } = server();
    const { lease, gate } = leaseOf(client);
    await lease.acquire(new AbortController().signal);
    await lease.release();
    expect([gate.open, writes]).to.deep.equal([false, ['POST me', 'PUT ']]);
  });

  it('of another replica is not released', async () => {
    const { client, writes, replace } = server();
    const { lease } = leaseOf(client);
    await lease.acquire(new AbortController().signal);
    replace('another');
    await lease.release();
    expect(writes).to.deep.equal(['POST me']);
  });

  it('counts from the request, not from the response', async () => {
    // two calls: the response comes 6.2 s after the request, above the 6 s of the deadline
    const { client } = server(3_100);
    const { lease, gate } = leaseOf(client);
    await lease.acquire(new AbortController().signal);
    expect(gate.open).to.equal(false);
  }).timeout(15_000);
});
