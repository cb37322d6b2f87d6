/** Keys of the users' own: which are taken, and what is said of the others. */
import { expect } from 'chai';
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
    get: () => Promise.resolve({ kind: 'Secret', metadata: {}, data: encoded } as never),
    create: () => Promise.reject(new Error('nothing is made')),
  };
  return (await new EndpointKeys(client).read(pipeline, 0))!;
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
  const again = { ...pipeline, metadata: { ...pipeline.metadata, uid: 'another uid' } } as InferencePipeline;
  const secretOf = (uid: string, key: string) => ({
    kind: 'Secret',
    metadata: { ownerReferences: [{ kind: 'InferencePipeline', name: 'iris', uid }] },
    data: { primaryKey: Buffer.from(key).toString('base64') },
  });

  it('are read again when the pipeline was created again', async () => {
    let secret = secretOf('u', GOOD);
    const keys = new EndpointKeys({
      get: () => Promise.resolve(secret as never),
      create: () => Promise.reject(new Error('nothing is made')),
    });
    expect((await keys.read(pipeline, 0))?.hashes).to.deep.equal([keyHash(GOOD)]);
    secret = secretOf('another uid', 'x'.repeat(32));
    expect((await keys.read(again, 1))?.hashes).to.deep.equal([keyHash('x'.repeat(32))]);
  });

  it('are not those of a Secret whose pipeline was deleted', async () => {
    const keys = new EndpointKeys({
      get: () => Promise.resolve(secretOf('u', GOOD) as never),
      create: () => Promise.reject(new Error('nothing is made')),
    });
    const error: unknown = await keys.read(again, 0).catch((thrown: unknown) => thrown);
    expect((error as Error).message).to.equal('Secret iris-keys of a deleted pipeline still exists');
  });

  it('are read from the cache for ten minutes', async () => {
    let reads = 0;
    const keys = new EndpointKeys({
      get: () => ((reads += 1), Promise.resolve(secretOf('u', GOOD) as never)),
      create: () => Promise.reject(new Error('nothing is made')),
    });
    for (const now of [0, 599_999, 600_000]) await keys.read(pipeline, now);
    expect(reads).to.equal(2);
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
