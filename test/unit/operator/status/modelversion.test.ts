/** The status of a ModelVersion: a result is written with its source, and stays. */
import { expect } from 'chai';
import type { ObservedModelVersion } from '../../../../operator/api/observed.ts';
import { modelVersionStatus, type Verdict } from '../../../../operator/status/modelversion.ts';
import { DIGEST, modelVersion, NOW, verified } from '../../../support/fixtures/objects.ts';

const seen = (users: string[] = []): ObservedModelVersion => ({
  modelVersion: modelVersion({}, { ...verified(), verifiedSource: 'old source' }),
  jobs: [],
  orphans: [],
  users,
  now: NOW,
  sourceExists: true,
  slots: { taken: 0, takenHere: 0 },
});
const verifying: Verdict = { ready: false, reason: 'Verifying', message: '' };
const result = { digest: `sha256:${'b'.repeat(64)}`, sizeBytes: 7 };

describe('the status of a ModelVersion', () => {
  it('keeps the verified source while another source is verified', () => {
    const status = modelVersionStatus(seen(), verifying, 'new source');
    expect([status.verifiedSource, status.digest]).to.deep.equal(['old source', DIGEST]);
    expect(status.conditions?.[0]?.status).to.equal('False');
  });

  it('has the new source with its result', () => {
    const status = modelVersionStatus(seen(), { ready: true, reason: 'Verified', message: '', result }, 'new source');
    expect(status).to.deep.include({ verifiedSource: 'new source', ...result });
  });

  it('names the first ten users and counts all', () => {
    const users = Array.from({ length: 12 }, (_, i) => `p${i}`);
    const { usedBy } = modelVersionStatus(seen(users), verifying, '');
    expect(usedBy).to.deep.equal({ count: 12, names: users.slice(0, 10) });
  });
});
