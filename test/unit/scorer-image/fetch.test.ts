/** The files of a model from a mounted ConfigMap. */
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FetchItem } from '@penstock/contract';
import type { StartFailure } from '../../../scorer-image/failure.ts';
import { fetchItem } from '../../../scorer-image/fetch/fetchItem.ts';

const HELLO = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

describe('fetchItem', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-fetch-'));
    mkdirSync(join(folder, 'sources/m/..data'), { recursive: true });
    writeFileSync(join(folder, 'sources/m/a.bin'), 'hello');
    writeFileSync(join(folder, 'sources/m/b.bin'), 'world');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const fetched = (change: Partial<FetchItem> = {}) =>
    fetchItem(
      { name: 'm', uri: 'configmap://model/a.bin', file: 'a.bin', format: 'Files', ...change },
      {
        items: [],
        modelsDir: join(folder, 'models'),
        sourcesDir: join(folder, 'sources'),
        credentialsDir: join(folder, 'credentials'),
        addresses: { loopback: false, privateNetwork: false },
        memoryBytes: 0,
        egress: {},
      },
    );
  const failure = (change: Partial<FetchItem>): Promise<unknown> =>
    fetched(change).then(
      () => undefined,
      (error: unknown) => `${(error as StartFailure).reason}: ${(error as StartFailure).message}`,
    );
  const files = (): string[] => readdirSync(join(folder, 'models/m')).sort();

  it('copies one key, and tells its digest and size', async () => {
    expect(await fetched({ digest: HELLO })).to.deep.equal({ digest: HELLO, sizeBytes: 5 });
    expect(files()).to.deep.equal(['a.bin']);
    expect(statSync(join(folder, 'models/m/a.bin')).mode & 0o777).to.equal(0o444);
  });

  it('copies all keys, and tells the digest of their digests as sha256sum prints them', async () => {
    const { digest, sizeBytes } = await fetched({ uri: 'configmap://model' });
    expect(files()).to.deep.equal(['a.bin', 'b.bin']);
    expect([digest, sizeBytes]).to.deep.equal([
      'sha256:66998eeda4f0acdda24dacc24806482fb8cbb93cbd5fab6f4c572af24b441cb2',
      10,
    ]);
  });

  it('removes what an attempt before has left', async () => {
    await fetched({ uri: 'configmap://model' });
    await fetched();
    expect(files()).to.deep.equal(['a.bin']);
    expect(readFileSync(join(folder, 'models/m/a.bin'), 'utf8')).to.equal('hello');
  });

  it('refuses bytes with another digest, and names both', async () => {
    const expected = `sha256:${'0'.repeat(64)}`;
    expect(await failure({ digest: expected }))
      .to.contain('DigestMismatch: configmap://model/a.bin')
      .and.contain(HELLO)
      .and.contain(expected);
  });

  it('tells a key or a ConfigMap that is missing', async () => {
    expect(await failure({ uri: 'configmap://model/c.bin' }))
      .to.contain('ResourceNotReady')
      .and.contain('is missing');
    expect(await failure({ name: 'other', uri: 'configmap://model' })).to.contain('the ConfigMap is missing, or empty');
  });

  it('keeps the query of a URI, which may grant access, out of its messages', async () => {
    for (const uri of ['ftp://host/m.bin?sig=secret', 'https://10.0.0.1/m.bin?sig=secret'])
      expect(await failure({ uri, file: 'm.bin' }))
        .to.contain('m.bin?…')
        .and.not.contain('secret');
  });
});
