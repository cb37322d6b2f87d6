/** When the credentials of the API server are read. */
import type { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { Pool } from '@penstock/kube/client/pool';

/** A kubeconfig whose token has a number: that of the read. */
const numbered = () => {
  let reads = 0;
  return (): KubeConfig => {
    const token = `token ${(reads += 1)}`;
    return {
      getCurrentCluster: () => ({ server: 'http://api.test' }),
      applyToHTTPSOptions: (options: { headers?: object }) => {
        options.headers = { authorization: token };
        return Promise.resolve();
      },
    } as unknown as KubeConfig;
  };
};
const tokenOf = async (pool: Pool): Promise<string | undefined> => (await pool.access()).headers.authorization;

describe('the pool of connections to the API server', () => {
  it('reads the credentials once for many calls', async () => {
    const pool = new Pool(numbered());
    expect([await tokenOf(pool), await tokenOf(pool)]).to.deep.equal(['token 1', 'token 1']);
  });

  it('reads them again at once after refresh', async () => {
    const pool = new Pool(numbered());
    await tokenOf(pool);
    pool.refresh();
    expect(await tokenOf(pool)).to.equal('token 2');
  });

  it('keeps its connections when only the token has changed', async () => {
    const pool = new Pool(numbered());
    const { dispatchers } = await pool.access();
    pool.refresh();
    expect((await pool.access()).dispatchers).to.equal(dispatchers);
    await pool.close();
  });
});
