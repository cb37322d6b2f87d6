/** The container that fetches models, and the limits of a pod's disk. */
import { expect } from 'chai';
import {
  diskResources,
  fetchContainer,
  fetchItem,
  fetchVolumes,
  modelsMebibytes,
} from '../../../../operator/desired/fetching.ts';
import { config, DIGEST, modelVersion } from '../../../support/fixtures/objects.ts';

const resources = { requests: { cpu: '100m' }, limits: { cpu: '1' } };
const settings = { ...config, resources };
const of = (uri: string, digest?: string, secret?: string) => ({
  name: 'm',
  modelVersion: modelVersion({ source: { uri, ...(secret !== undefined && { secretRef: { name: secret } }) } }),
  digest,
});

describe('an item to fetch', () => {
  it('has the file of its source, and a digest once there is one', () => {
    expect(fetchItem(of('configmap://model/a.onnx', DIGEST))).to.deep.equal({
      name: 'm',
      uri: 'configmap://model/a.onnx',
      file: 'a.onnx',
      format: 'ONNX',
      digest: DIGEST,
    });
    expect(fetchItem(of('configmap://model'))).to.deep.equal({ name: 'm', uri: 'configmap://model', format: 'ONNX' });
  });
});

describe('the fetch container', () => {
  it('has the items, restricted security and no other access', () => {
    const container = fetchContainer('fetch', [of('configmap://model/a.onnx')], settings);
    expect(container.resources).to.equal(resources);
    expect(container.args).to.deep.equal(['fetch']);
    expect(container.env.map(({ name }) => name)).to.deep.equal(['PENSTOCK_FETCH']);
    expect(container.securityContext).to.deep.equal({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('is told when private sources are refused', () =>
    expect(fetchContainer('fetch', [], { ...settings, privateSources: false }).env).to.deep.include({
      name: 'PENSTOCK_PRIVATE_SOURCES',
      value: 'false',
    }));

  it('has the proxy and the authorities of the chart', () =>
    expect(
      fetchContainer('fetch', [], { ...settings, egress: { httpsProxy: 'http://proxy:3128', caBundle: 'PEM' } }).env,
    ).to.deep.include.members([
      { name: 'PENSTOCK_HTTPS_PROXY', value: 'http://proxy:3128' },
      { name: 'PENSTOCK_CA_BUNDLE', value: 'PEM' },
    ]));

  it('has one volume for two models of the same claim, and a mount for each', () => {
    const models = ['a', 'b'].map((name) => ({ ...of(`pvc://models/${name}`), name }));
    const { volumes, mounts } = fetchVolumes(models);
    expect(volumes).to.deep.equal([
      { name: 'claim-models', persistentVolumeClaim: { claimName: 'models', readOnly: true } },
    ]);
    expect(mounts).to.deep.equal(
      ['a', 'b'].map((name) => ({ name: 'claim-models', mountPath: `/var/penstock/sources/${name}`, readOnly: true })),
    );
  });

  it('mounts the ConfigMap of a source, and the Secret of another', () => {
    const { volumes, mounts } = fetchVolumes([of('configmap://model/a.onnx')]);
    expect(volumes[0]).to.deep.include({ name: mounts[0]!.name });
    expect(JSON.stringify(volumes)).to.contain('"model"');
    const remote = fetchVolumes([of('https://host/a.onnx', undefined, 'token')]);
    expect(JSON.stringify(remote.volumes)).to.contain('"token"').and.contain('"optional":true');
    expect(remote.mounts[0]).to.include({ readOnly: true });
    expect(fetchVolumes([of('https://host/a.onnx')])).to.deep.equal({ volumes: [], mounts: [] });
  });
});

describe('the disk of a pod', () => {
  it('has room for the models with a margin', () => {
    expect(modelsMebibytes(0)).to.equal(16);
    expect(modelsMebibytes(2 ** 30))
      .to.be.greaterThan(1024 + 16)
      .and.lessThan(1024 * 1.2);
  });

  it('is limited to models, temporary files and log', () =>
    expect(diskResources(100)).to.deep.equal({
      requests: { 'ephemeral-storage': '64Mi' },
      limits: { 'ephemeral-storage': '484Mi' },
    }));
});
