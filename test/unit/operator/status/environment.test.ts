/** What the status says of a script's environment. */
import { expect } from 'chai';
import { LABEL } from '../../../../operator/api/labels.ts';
import { environmentStatus } from '../../../../operator/status/environment.ts';
import { stored } from '../../../support/fixtures/objects.ts';

const pod = (revision: string, imageID: string, creationTimestamp = '2026-12-01T00:00:00Z', container = 'python') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: imageID, creationTimestamp, labels: { [LABEL.revision]: revision } },
  status: {
    containerStatuses: [
      { name: container, imageID, image: 'x', ready: true, restartCount: 0 },
      { name: 'scorer', imageID: 'scorer@sha256:9', image: 'x', ready: true, restartCount: 0 },
    ],
  },
});

describe('the status of an environment', () => {
  const base = stored();
  const of = (change: object, ...pods: ReturnType<typeof pod>[]) =>
    environmentStatus({ ...base, record: { ...base.record, ...change } }, pods);

  it('is absent for a script without one', () => expect(of({})).to.equal(undefined));

  it('has the lock of npm packages', () =>
    expect(of({ npm: { lockDigest: 'sha256:1' } })).to.deep.equal({ lockDigest: 'sha256:1' }));

  it('has lock, version and image of a script in Python, and the image that the newest pod has pulled', () => {
    const python = { image: 'p:3.11', version: '3.11', requirementsDigest: 'sha256:1' };
    const pods = [
      pod(base.name, 'p@sha256:old', '2026-11-30T00:00:00Z'),
      pod(base.name, 'p@sha256:new'),
      pod('another', 'p@sha256:other', '2026-12-02T00:00:00Z'),
      pod(base.name, '', '2026-12-03T00:00:00Z'),
    ];
    expect(of({ python }, ...pods)).to.deep.equal({
      lockDigest: 'sha256:1',
      pythonVersion: '3.11',
      image: 'p:3.11',
      imageID: 'p@sha256:new',
    });
  });

  it('has no version for an image of one\u2019s own, and no id before a pod has pulled it', () =>
    expect(of({ python: { image: 'team/science:1' } })).to.deep.equal({ image: 'team/science:1' }));

  it('has the image of a server of one\u2019s own', () =>
    expect(
      of({ server: { image: 'team/scorer:1' } }, pod(base.name, 'team@sha256:ab', undefined, 'server')),
    ).to.deep.equal({
      image: 'team/scorer:1',
      imageID: 'team@sha256:ab',
    }));
});
