/** Pod templates and verification Jobs: what settings of the operator and of a spec change in them. */
import { expect } from 'chai';
import type { RenderConfig } from '../../../../operator/api/renderConfig.ts';
import type { InferencePipelineSpec, VerificationSettings } from '../../../../operator/api/types.gen.ts';
import { ANNOTATION } from '../../../../operator/api/labels.ts';
import {
  revisionConfigMap,
  parseRevision,
  renderRevision,
  revisionName,
} from '../../../../operator/desired/revision.ts';
import { effective } from '../../../../operator/desired/effective.ts';
import { inlineScript, scriptIn } from '../../../../operator/desired/script.ts';
import { sourceMounts } from '../../../../operator/desired/sources/sources.ts';
import { trafficHash } from '../../../../operator/desired/traffic.ts';
import { verificationKey, verifyJob } from '../../../../operator/desired/verifyJob.ts';
import { autoscaler } from '../../../../operator/desired/autoscaler.ts';
import { config, DIGEST, modelVersion, NOW, observed, pipeline, wanted } from '../../../support/fixtures/objects.ts';

/** The pod template of a spec. */
function templateOf(change: Partial<InferencePipelineSpec> = {}, settings = config) {
  const one = pipeline(change);
  const models = (one.spec.models ?? []).map(({ name }) => ({
    name,
    modelVersion: modelVersion(),
    digest: DIGEST,
    sizeBytes: 512,
  }));
  const script = one.spec.scoring?.script === undefined ? undefined : inlineScript(one.spec.scoring.script);
  const input = { pipeline: one, models, script };
  const { podTemplate } = renderRevision(revisionName(input), {
    ...input,
    effective: effective(one.spec),
    config: settings,
    now: NOW,
  });
  return podTemplate.spec!;
}
const envOf = (spec: ReturnType<typeof templateOf>): Record<string, string | undefined> =>
  Object.fromEntries(spec.containers[0]!.env!.map(({ name, value }) => [name, value]));

describe('the pods of a revision', () => {
  it('have the pull secrets of the chart, or none', () => {
    expect(templateOf()).not.to.have.property('imagePullSecrets');
    expect(templateOf({}, { ...config, imagePullSecrets: ['pull'] }).imagePullSecrets).to.deep.equal([
      { name: 'pull' },
    ]);
  });

  it('have no ids of user and group where the cluster assigns them, and are never root', () => {
    expect(templateOf({}, { ...config, assignUser: false }).securityContext).to.deep.equal({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(templateOf().securityContext).to.include({ runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532 });
  });

  it('take no more for the fetch container than the user asked for the scorer', () => {
    const { containers, initContainers } = templateOf({ resources: { limits: { cpu: '200m', memory: '192Mi' } } });
    expect(initContainers![0]!.resources).to.deep.equal(containers[0]!.resources);
  });

  it('have no init container without models', () => {
    expect(templateOf({ models: [], scoring: { script: 'x' } }).initContainers).to.deep.equal([]);
    expect(templateOf().initContainers!.map(({ args }) => args)).to.deep.equal([['fetch']]);
  });

  it('limit their disk, unless the user does', () => {
    expect(templateOf().containers[0]!.resources!.limits).to.have.property('ephemeral-storage');
    for (const where of ['limits', 'requests'] as const) {
      const own = templateOf({ resources: { [where]: { 'ephemeral-storage': '5Gi' } } }).containers[0]!.resources!;
      expect(own[where]).to.include({ 'ephemeral-storage': '5Gi' });
      expect({ ...own.requests, ...own.limits }['ephemeral-storage']).to.equal('5Gi');
    }
  });

  it('join rows that are not proven independent only if maxBatchSize is set above 1', () => {
    const join = (maxBatchSize?: number) =>
      envOf(templateOf(maxBatchSize === undefined ? {} : { scoring: { maxBatchSize } })).PENSTOCK_JOIN_UNKNOWN;
    expect([join(), join(1), join(2)]).to.deep.equal([undefined, undefined, 'true']);
  });

  it('have maxRequestBytes only if it is set', () => {
    expect(envOf(templateOf()).PENSTOCK_MAX_REQUEST_BYTES).to.equal(undefined);
    expect(envOf(templateOf({ endpoint: { maxRequestBytes: '1Mi' } })).PENSTOCK_MAX_REQUEST_BYTES).to.equal('1048576');
  });

  it('have the folder of the only model, or that of all', () => {
    expect(envOf(templateOf()).AZUREML_MODEL_DIR).to.equal('/var/azureml-app/azureml-models/iris');
    const two = [
      { name: 'a', modelVersion: 'iris-1' },
      { name: 'b', modelVersion: 'iris-1' },
    ];
    expect(envOf(templateOf({ models: two, scoring: { script: 'x' } })).AZUREML_MODEL_DIR).to.equal(
      '/var/azureml-app/azureml-models',
    );
  });
});

describe('the ConfigMap of a revision', () => {
  const revision = wanted(observed());
  const stored = (annotations?: Record<string, string>) => {
    const made = revisionConfigMap(pipeline(), revision, {});
    return { ...made, metadata: { ...made.metadata, ...(annotations && { annotations }) } };
  };

  it('holds why it failed, if it did', () => {
    expect(parseRevision(stored())).not.to.have.any.keys('abandoned', 'failureDetail');
    expect(parseRevision(stored({ [ANNOTATION.abandoned]: 'X: y' }))).to.include({ abandoned: 'X: y' });
    expect(parseRevision(stored({ [ANNOTATION.failureDetail]: 'stack' }))).to.include({ failureDetail: 'stack' });
  });

  it('of other data is no revision', () => {
    for (const key of ['revision.json', 'podTemplate.json'])
      for (const text of ['', '{', '{}'])
        expect(parseRevision({ ...stored(), data: { ...stored().data, [key]: text } }), key + text).to.equal(undefined);
  });
});

describe('a script in a ConfigMap', () => {
  const reference = { name: 'code', key: 'main.ts' };

  it('has all keys as files, and the binary ones', () => {
    expect(scriptIn(reference, { data: { 'main.ts': 'a', b: 'c' } })).to.deep.equal({
      script: { entry: 'main.ts', files: { 'main.ts': 'a', b: 'c' } },
    });
    expect(scriptIn(reference, { data: { 'main.ts': 'a' }, binaryData: { d: 'AA==' } })).to.deep.equal({
      script: { entry: 'main.ts', files: { 'main.ts': 'a' }, binaries: { d: 'AA==' } },
    });
  });

  it('without the key is a problem that names the others', () => {
    expect(scriptIn(reference, { data: { a: '', b: '' } })).to.deep.equal({
      problem: 'ConfigMap code has no key main.ts; it has a, b',
    });
    expect(scriptIn(reference, {})).to.deep.equal({ problem: 'ConfigMap code has no key main.ts; it has none' });
  });
});

describe('the mounts of a source', () => {
  const names = { folder: 'm', sourceVolume: 'source-m', claimVolume: String, secretVolume: 'secret-m' };

  it('are in the folder of the model, each with its volume', () => {
    const source = { uri: 'configmap://model', secretRef: { name: 's' } };
    const { volumes, mounts } = sourceMounts(modelVersion({ source }), names);
    expect(volumes.map(({ name }) => name)).to.deep.equal(['source-m', 'secret-m']);
    expect(mounts.map(({ mountPath }) => mountPath.endsWith('/m'))).to.deep.equal([true, true]);
  });

  it('are none for a URI of an unknown scheme', () =>
    expect(sourceMounts(modelVersion({ source: { uri: 'ftp://host/a' } }), names)).to.deep.equal({
      volumes: [],
      mounts: [],
    }));
});

describe('a verification Job', () => {
  const job = (change = {}, status = {}, settings = config) => verifyJob(modelVersion(change, status), 2, settings);

  it('has the labels of the ModelVersion and the attempt, on itself and its pod', () => {
    const { metadata, spec } = job();
    const own = { 'penstock.dev/modelversion': 'iris-1', 'penstock.dev/attempt': '2' };
    expect(metadata.labels).to.deep.equal({ 'app.kubernetes.io/managed-by': 'penstock', ...own });
    expect(spec!.template.metadata!.labels).to.deep.equal({
      'app.kubernetes.io/managed-by': 'penstock',
      'app.kubernetes.io/name': 'penstock-verify',
      ...own,
    });
    expect(metadata.name).to.match(/^iris-1-verify-[0-9a-f]{8}-2$/);
  });

  it('checks the digest of the spec, or the pinned one, or none', () => {
    const digest = (...args: Parameters<typeof job>): unknown => {
      const { value } = job(...args).spec!.template.spec!.containers[0]!.env![0]!;
      return (JSON.parse(value!) as { digest?: string }[])[0]!.digest;
    };
    expect([
      digest(),
      digest({}, { digest: 'pinned' }),
      digest({ digest: 'given' }, { digest: 'pinned' }),
    ]).to.deep.equal([undefined, 'pinned', 'given']);
  });

  it('runs once, with room for a model of unknown size', () => {
    const { spec } = job();
    const { containers, volumes, restartPolicy } = spec!.template.spec!;
    expect([spec!.backoffLimit, restartPolicy]).to.deep.equal([0, 'Never']);
    expect(volumes!.slice(0, 2)).to.deep.equal([
      { name: 'models', emptyDir: { sizeLimit: '16384Mi' } },
      { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
    ]);
    expect(containers[0]!.resources).to.deep.equal({
      requests: { cpu: '125m', memory: '64Mi', 'ephemeral-storage': '64Mi' },
      limits: { cpu: '500m', memory: '256Mi', 'ephemeral-storage': '16768Mi' },
    });
  });

  describe('with settings', () => {
    const toleration = { key: 'team', operator: 'Exists' } as const;
    const chart: RenderConfig = {
      ...config,
      verification: {
        tolerations: [toleration],
        nodeSelector: { pool: 'jobs' },
        podMetadata: { labels: { 'sidecar.istio.io/inject': 'false', team: 'a' } },
        resources: { limits: { memory: '1Gi' } },
      },
    };
    const podOf = (verification: VerificationSettings, settings = chart) =>
      job({ verification }, {}, settings).spec!.template;

    it('the chart says where its pod runs', () => {
      const { metadata, spec } = podOf({});
      expect(spec).to.deep.include({ tolerations: [toleration], nodeSelector: { pool: 'jobs' } });
      expect(metadata!.labels).to.include({ 'sidecar.istio.io/inject': 'false', team: 'a' });
      expect(spec!.containers[0]!.resources!.limits).to.include({ cpu: '500m', memory: '1Gi' });
    });

    it('a field of the ModelVersion comes before that of the chart; labels and annotations are those of both', () => {
      const { metadata, spec } = podOf({
        tolerations: [],
        serviceAccountName: 'puller',
        podMetadata: { labels: { team: 'b' }, annotations: { 'linkerd.io/inject': 'disabled' } },
        resources: { requests: { cpu: 1 } },
      });
      expect(spec).to.deep.include({ tolerations: [], nodeSelector: { pool: 'jobs' }, serviceAccountName: 'puller' });
      expect(metadata!.labels).to.include({ 'sidecar.istio.io/inject': 'false', team: 'b' });
      expect(metadata!.annotations).to.deep.equal({ 'linkerd.io/inject': 'disabled' });
      expect(spec!.containers[0]!.resources!.requests).to.include({ cpu: '1', memory: '64Mi' });
      expect(spec!.containers[0]!.resources!.limits).to.include({ cpu: '1', memory: '1Gi' });
    });

    it('a label of Penstock’s cannot be replaced', () =>
      expect(podOf({ podMetadata: { labels: { 'penstock.dev/attempt': '9' } } }).metadata!.labels).to.include({
        'penstock.dev/attempt': '2',
      }));

    it('a disk of the user’s own replaces ours', () =>
      expect(
        podOf({ resources: { limits: { 'ephemeral-storage': '2Gi' } } }).spec!.containers[0]!.resources,
      ).to.deep.equal({
        requests: { cpu: '125m', memory: '64Mi' },
        limits: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '2Gi' },
      }));

    it('other settings are another Job, but not another verification', () => {
      const name = (verification: VerificationSettings) => job({ verification }, {}, chart).metadata.name;
      expect(name({}))
        .to.equal(name({ nodeSelector: { pool: 'jobs' } }))
        .and.not.to.equal(name({ tolerations: [] }));
      expect(verificationKey(modelVersion({ verification: { tolerations: [] } }))).to.equal(
        verificationKey(modelVersion()),
      );
    });
  });

  it('has the pull secrets of the chart, or none', () => {
    expect(job().spec!.template.spec).not.to.have.property('imagePullSecrets');
    const { spec } = job({}, {}, { ...config, imagePullSecrets: ['pull'] });
    expect(spec!.template.spec!.imagePullSecrets).to.deep.equal([{ name: 'pull' }]);
  });

  it('of another source or another object has another key', () => {
    const key = (change = {}, uid = 'u') => {
      const one = modelVersion(change);
      return verificationKey({ ...one, metadata: { ...one.metadata, uid } });
    };
    expect(key())
      .to.match(/^[0-9a-f]{16}$/)
      .and.equal(key({ digest: DIGEST }));
    expect(key()).not.to.equal(key({ source: { uri: 'configmap://other' } }));
    expect(key()).not.to.equal(key({}, 'v'));
  });
});

describe('an autoscaler', () => {
  it('may have CPU as its metric', () => {
    const metrics = [{ type: 'CPU', averageUtilization: 70 }];
    const resolved = effective({ target: 'Production', scaling: { minReplicas: 1, maxReplicas: 3, metrics } } as never);
    const { spec } = autoscaler(pipeline(), wanted(observed()), resolved, resolved.metrics) as {
      spec: { metrics: unknown[] };
    };
    expect(spec.metrics).to.deep.equal([
      {
        type: 'ContainerResource',
        containerResource: {
          name: 'cpu',
          container: 'scorer',
          target: { type: 'Utilization', averageUtilization: 70 },
        },
      },
    ]);
  });
});

describe('the hash of a traffic table', () => {
  it('has 16 hex digits', () => expect(trafficHash('{}')).to.match(/^[0-9a-f]{16}$/));
});
