/** What the API server refuses a reconcile is written to the status. */
import { expect } from 'chai';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipelineStatus } from '../../../../operator/api/types.gen.ts';
import { Cache } from '@penstock/kube/cache/cache';
import { KubeError } from '@penstock/kube/client/errors';
import { newDeps, type Deps } from '../../../../operator/reconcile/deps.ts';
import { reconcilePipeline } from '../../../../operator/reconcile/pipeline.ts';
import { config, modelVersion, pipeline } from '../../../support/fixtures/objects.ts';

const EMPTY = [
  'activators',
  'autoscalers',
  'configMaps',
  'configMapMetadata',
  'deployments',
  'disruptionBudgets',
  'endpointSlices',
  'jobs',
  'networkPolicies',
  'pods',
  'services',
];

/**
 * Reconciles a pipeline with keys; the Secret is read and created as `secret` says. Resolves with the status that is
 * written.
 */
async function reconciled(secret: { get: () => Promise<never>; create: () => Promise<never> }) {
  const caches = Object.fromEntries(EMPTY.map((name) => [name, new Cache()]));
  const [pipelines, modelVersions] = [new Cache(), new Cache()];
  pipelines.put(pipeline({ endpoint: { auth: { mode: 'Key' } } }));
  modelVersions.put(modelVersion());
  let written: InferencePipelineStatus = {};
  const kube = {
    caches: { ...caches, pipelines, modelVersions },
    omitted: () => undefined,
    cached: () => undefined,
    cacheWrite: () => undefined,
    client: {
      ...secret,
      patchStatus: (object: KubeObject, status: InferencePipelineStatus) => {
        written = status;
        return Promise.resolve(object);
      },
    },
  } as unknown as Deps['kube'];
  const deps = newDeps({
    kube,
    config,
    refreshes: { most: 1, onFree: () => undefined },
    events: { publish: () => undefined },
    log: () => undefined,
    noConcurrency: () => undefined,
    scorers: { warning: () => undefined, idleness: () => Promise.resolve({ seconds: 0 }) },
  });
  const result = await reconcilePipeline('ns/iris', deps);
  const condition = written.conditions?.find(({ type }) => type === 'UpToDate');
  return { next: result.next, reason: condition?.reason, message: condition?.message };
}

const reject = (code: number, message: string) => () => Promise.reject(new KubeError(code, '', message));
const quota = 'secrets "iris-keys" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=1';

describe('reconcilePipeline', () => {
  it('a Secret that a quota refuses: QuotaExceeded, and retried', async () => {
    expect(await reconciled({ get: reject(404, 'not found'), create: reject(403, quota) })).to.deep.equal({
      next: 'retry',
      reason: 'QuotaExceeded',
      message: quota,
    });
  });

  it('a Secret that may not be read: Retrying with the message of the API server, and retried', async () => {
    const forbidden = 'secrets "iris-keys" is forbidden: User "operator" cannot get resource "secrets"';
    expect(await reconciled({ get: reject(403, forbidden), create: reject(500, '') })).to.deep.equal({
      next: 'retry',
      reason: 'Retrying',
      message: forbidden,
    });
  });

  it('a write that another writer was faster with: retried, and no status is written', async () => {
    expect(await reconciled({ get: reject(404, 'not found'), create: reject(409, 'exists') })).to.deep.equal({
      next: 'retry',
      reason: undefined,
      message: undefined,
    });
  });

  it('a Secret of a namespace that terminates: NamespaceTerminating, and not retried', async () => {
    const terminating = 'secrets "iris-keys" is forbidden: unable to create new content because it is being terminated';
    expect(await reconciled({ get: reject(404, 'not found'), create: reject(403, terminating) })).to.deep.include({
      next: 'rest',
      reason: 'NamespaceTerminating',
    });
  });
});
