/** Users' scripts are kept in memory up to a limit, and read again when they are needed. */
import { expect } from 'chai';
import type { KubeObject } from '@penstock/kube/api/objects';
import { ScriptStore } from '../../../../operator/observe/scriptStore.ts';

describe('scripts out of ConfigMaps', () => {
  const large = 'x'.repeat(3 * 2 ** 20);
  const known: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'code', uid: 'u', resourceVersion: '1' },
  };
  let reads: number;
  let store: ScriptStore;
  const read = (pipeline: string, of = known) =>
    store.script({ namespace: 'a', name: pipeline }, { name: 'code', key: 'score.ts' }, of);
  beforeEach(() => {
    reads = 0;
    const get = (): Promise<never> =>
      Promise.resolve({ ...known, data: { 'score.ts': large, reads: String((reads += 1)) } } as never);
    store = new ScriptStore({ get });
  });

  it('are read once per version', async () => {
    for (let i = 0; i < 3; i++) await read('p');
    await read('p', { ...known, metadata: { ...known.metadata, resourceVersion: '2' } });
    expect(reads).to.equal(2);
  });

  it('of more than 8 MiB together, the oldest is read again', async () => {
    for (const pipeline of ['p', 'q', 'r', 'r', 'q', 'p']) await read(pipeline);
    expect(reads).to.equal(4);
  });
});
