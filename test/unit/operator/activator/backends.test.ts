/** What the activator reads of a pipeline. */
import { expect } from 'chai';
import { KubeError } from '@penstock/kube/client/errors';
import type { KubeClient } from '@penstock/kube/client/client';
import { availabilityOf } from '../../../../operator/activator/backends.ts';

const condition = {
  type: 'Available',
  status: 'False',
  reason: 'UserScriptInitFailed',
  message: 'no file',
  observedGeneration: 2,
};

/** The availability of a pipeline of generation 2 with this condition. */
const availability = (change: object, metadata: object = {}) =>
  availabilityOf(
    {
      get: () =>
        Promise.resolve({
          metadata: { name: 'iris', generation: 2, ...metadata },
          status: { conditions: [{ ...condition, ...change }] },
        }),
    } as unknown as Pick<KubeClient, 'get'>,
    'ns',
    'iris',
  );

describe('the availability of a pipeline', () => {
  it('is final for a failure that only a change of the spec ends', async () =>
    expect(await availability({})).to.deep.equal({
      available: false,
      reason: 'UserScriptInitFailed',
      message: 'no file',
      final: true,
    }));

  it('of an older generation is not final', async () =>
    expect(await availability({ observedGeneration: 1 })).to.have.property('final', false));

  it('is not final while waiting helps, or when it can serve', async () => {
    expect(await availability({ reason: 'RevisionNotReady' })).to.have.property('final', false);
    expect(await availability({ status: 'True' })).to.include({ available: true, final: false });
  });

  it('without a condition is unknown', async () =>
    expect(await availability({ type: 'Other' })).to.include({ available: false, reason: 'Unknown', final: false }));

  it('is gone for a pipeline that is deleted, or being deleted', async () => {
    const missing = { get: () => Promise.reject(new KubeError(404, 'NotFound', '')) } as unknown as KubeClient;
    expect(await availabilityOf(missing, 'ns', 'iris')).to.equal('gone');
    expect(await availability({}, { deletionTimestamp: '2026-01-01T00:00:00Z' })).to.equal('gone');
  });

  it('passes on an error of the API server', async () => {
    const failing = { get: () => Promise.reject(new KubeError(500, '', 'down')) } as unknown as KubeClient;
    const error: unknown = await availabilityOf(failing, 'ns', 'iris').catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 500);
  });
});
