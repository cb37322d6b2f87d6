/** Keys of the users' own: which are taken, and what is said of the others. */
import { expect } from 'chai';
import { KubeError } from '@penstock/kube/client/errors';
import { keyHash } from '@penstock/server/auth';
import type { InferencePipeline } from '../../../../operator/api/types.gen.ts';
import { EndpointKeys, type Keys } from '../../../../operator/observe/endpointKeys.ts';

const GOOD = 'k'.repeat(32);
const pipeline = {
  apiVersion: 'penstock.dev/v1alpha1',
  kind: 'InferencePipeline',
  metadata: { name: 'iris', namespace: 'ns', uid: 'u' },
} as InferencePipeline;

async function keysOf(data: Record<string, string>): Promise<Keys> {
  const encoded = Object.fromEntries(
    Object.entries(data).map(([slot, key]) => [slot, Buffer.from(key).toString('base64')]),
  );
  const client = {
    get: () => Promise.resolve({ kind: 'Secret', metadata: { name: 'iris-keys' }, data: encoded } as never),
    metadata: () => Promise.reject(new Error('nothing is polled')),
    create: () => Promise.reject(new Error('nothing is made')),
  };
  return (await new EndpointKeys(client).read(pipeline))!;
}

interface Row {
  of: string;
  data: Record<string, string>;
  taken: string[];
  weak?: string[];
  problem?: RegExp;
}
const rows: Row[] = [
  {
    of: 'two keys of 32 characters',
    data: { primaryKey: GOOD, secondaryKey: 'x'.repeat(32) },
    taken: [GOOD, 'x'.repeat(32)],
  },
  { of: 'a key with a line break at its end', data: { primaryKey: `${GOOD}\n` }, taken: [GOOD] },
  {
    of: 'a key of 31 characters',
    data: { primaryKey: GOOD, secondaryKey: 'x'.repeat(31) },
    taken: [GOOD],
    weak: ['x'.repeat(31)],
    problem: /^Secret iris-keys: secondaryKey has 31 characters, and at least 32 are needed\. Make a key with: openssl/,
  },
  {
    of: 'a key with a blank in it',
    data: { primaryKey: `${GOOD} x` },
    taken: [],
    weak: [`${GOOD} x`],
    problem: /primaryKey has white space in it/,
  },
  {
    of: 'a Secret without a key',
    data: { password: GOOD },
    taken: [],
    problem: /^Secret iris-keys: has neither primaryKey nor secondaryKey/,
  },
];

describe('keys of a pipeline that was created again', () => {
  it('are read again', async () => {
    let key = GOOD;
    const keys = new EndpointKeys({
      get: () => Promise.resolve({ metadata: {}, data: { primaryKey: Buffer.from(key).toString('base64') } } as never),
      metadata: () => Promise.reject(new Error('nothing is polled')),
      create: () => Promise.reject(new Error('nothing is made')),
    });
    expect((await keys.read(pipeline))?.hashes).to.deep.equal([keyHash(GOOD)]);
    key = 'x'.repeat(32);
    const again = { ...pipeline, metadata: { ...pipeline.metadata, uid: 'another uid' } };
    expect((await keys.read(again))?.hashes).to.deep.equal([keyHash(key)]);
  });

  it('are not those of a Secret that belongs to the deleted pipeline, and is deleted with it', async () => {
    const metadata = { ownerReferences: [{ kind: 'InferencePipeline', name: 'iris', uid: 'of the deleted one' }] };
    const keys = new EndpointKeys({
      get: () => Promise.resolve({ metadata, data: {} } as never),
      metadata: () => Promise.reject(new Error('nothing is polled')),
      create: () => Promise.reject(new Error('nothing is made')),
    });
    const error: unknown = await keys.read(pipeline).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.equal('Secret iris-keys of a deleted pipeline still exists');
  });
});

describe('the keys of a pipeline', () => {
  /** Keys that were read from version 1 of the Secret, with the number of reads; `now` is the Secret in the cluster. */
  async function readOnce() {
    const state = { now: { version: '1' } as { version: string } | undefined, reads: 0 };
    const metadata = () => ({ name: 'iris-keys', resourceVersion: state.now!.version });
    const gone = () => Promise.reject(new KubeError(404, 'NotFound', 'gone'));
    const keys = new EndpointKeys({
      get: () => {
        state.reads += 1;
        return state.now ? Promise.resolve({ metadata: metadata(), data: {} } as never) : gone();
      },
      metadata: () => (state.now ? Promise.resolve({ metadata: metadata() } as never) : gone()),
      create: () => Promise.reject(new Error('nothing is made')),
    });
    await keys.read(pipeline);
    return { keys, state };
  }

  it('are read once while the Secret does not change', async () => {
    const { keys, state } = await readOnce();
    expect(await keys.hasChanged('ns/iris')).to.equal(false);
    await keys.read(pipeline);
    expect(state.reads).to.equal(1);
    expect([...keys.pipelines()]).to.deep.equal(['ns/iris']);
  });

  it('are read again when the Secret has changed, or is gone', async () => {
    for (const after of [{ version: '2' }, undefined]) {
      const { keys, state } = await readOnce();
      state.now = after;
      expect(await keys.hasChanged('ns/iris')).to.equal(true);
      await keys.read(pipeline);
      expect(state.reads).to.equal(2);
    }
  });

  it('are not read again after a write of the operator’s own', async () => {
    const { keys, state } = await readOnce();
    state.now = { version: '2' };
    keys.updated('ns/iris', { name: 'iris-keys', resourceVersion: '2' });
    expect(await keys.hasChanged('ns/iris')).to.equal(false);
    expect([...keys.pipelines()]).to.deep.equal(['ns/iris']);
  });

  it('of a pipeline that is gone are not looked at', async () => {
    const { keys, state } = await readOnce();
    keys.forget('ns/iris');
    state.now = { version: '2' };
    expect(await keys.hasChanged('ns/iris')).to.equal(false);
    expect([...keys.pipelines()]).to.deep.equal([]);
  });
});

describe('keys of the users’ own', () => {
  for (const { of, data, taken, weak = [], problem } of rows) {
    it(of, async () => {
      const keys = await keysOf(data);
      expect(keys.hashes).to.deep.equal(taken.map((key) => keyHash(key)));
      expect(keys.weak).to.deep.equal(weak.map((key) => keyHash(key)));
      expect(keys.problem ?? '').to.match(problem ?? /^$/);
    });
  }
});
