/** All reads of a pipeline's reconcile, into one frozen value. From caches; the API is asked only for what is new. */
import { INLINE_SCRIPT, parseTraffic, TRAFFIC_FILE } from '@penstock/contract';
import { splitKey, type Key } from '../api/flow.ts';
import { LABEL, podOwner } from '../api/labels.ts';
import type { ObservedPipeline, Revision } from '../api/observed.ts';
import type { KubeObject } from '../api/objects.ts';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import { effective } from '../desired/effective.ts';
import { names } from '../desired/names.ts';
import { parseRevision } from '../desired/revision.ts';
import type { Deps } from './deps.ts';

/** Undefined when the pipeline is gone or going: its children follow it by their owner references. */
export async function observePipeline(key: Key, { kube: { caches }, keys, scripts, now: clock }: Deps): Promise<ObservedPipeline | undefined> {
  const { namespace, name } = splitKey(key);
  const pipeline = caches.pipelines.get(namespace, name);
  if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) return undefined;
  const now = clock();
  const uid = pipeline.metadata.uid ?? '';
  const configMaps = caches.configMaps.ownedBy(uid);
  const trafficFile = configMaps.find(({ metadata }) => metadata.name === names.traffic(name))?.data?.[TRAFFIC_FILE];
  const traffic = trafficFile === undefined ? undefined : parseTraffic(trafficFile);
  const deployments = caches.deployments.ownedBy(uid);
  const autoscalers = caches.autoscalers.ownedBy(uid);
  const services = caches.services.ownedBy(uid);
  const service = services.find(({ metadata }) => metadata.name === names.service(name));
  return {
    pipeline, now, deployments, autoscalers,
    modelVersions: modelVersions(pipeline, (model) => caches.modelVersions.get(namespace, model)),
    ...(await script(pipeline, scripts, (map) => caches.configMapMetadata.get(namespace, map))),
    revisions: configMaps.filter(({ metadata }) => metadata.labels?.[LABEL.role] === 'revision').map(parseRevision).filter((revision): revision is Revision => revision !== undefined),
    pods: caches.pods.ownedBy(podOwner(namespace, LABEL.pipeline, name)),
    ...(service && { service }),
    ...(traffic && { traffic }),
    children: [...configMaps, ...services, ...deployments, ...autoscalers, ...caches.disruptionBudgets.ownedBy(uid), ...caches.networkPolicies.ownedBy(uid)] as KubeObject[],
    // Without keys the last hashes stay: pods of a revision that asks for keys may serve until the next one is Ready.
    keyHashes: effective(pipeline.spec).auth === 'Key' ? await keys.hashes(pipeline, now) : (traffic?.keyHashes ?? []),
  };
}

function modelVersions(pipeline: InferencePipeline, get: (name: string) => ModelVersion | undefined): Record<string, ModelVersion> {
  return Object.fromEntries((pipeline.spec.models ?? []).flatMap(({ modelVersion }) => {
    const found = get(modelVersion);
    return found ? [[modelVersion, found]] : [];
  }));
}

async function script({ spec: { scoring }, metadata }: InferencePipeline, scripts: Deps['scripts'], known: (name: string) => KubeObject | undefined): Promise<Pick<ObservedPipeline, 'script' | 'scriptProblem'>> {
  if (scoring?.script !== undefined) return { script: { entry: INLINE_SCRIPT, files: { [INLINE_SCRIPT]: scoring.script } } };
  const reference = scoring?.scriptFrom?.configMap;
  if (!reference) return {};
  const found = await scripts.script(metadata.namespace ?? '', reference, known(reference.name));
  return 'script' in found ? { script: found.script } : { scriptProblem: found.problem };
}
