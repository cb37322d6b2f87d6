/** All reads of a pipeline's reconcile, into one frozen value. From caches; the API is asked only for what is new. */
import { parseTraffic, TRAFFIC_FILE, type Traffic } from '@penstock/contract';
import { splitKey, type Key } from '../api/flow.ts';
import { LABEL, orphanIndexKey, ownerIndexKey, podOwnerIndexKey } from '../api/labels.ts';
import type { ObservedPipeline, Revision } from '../api/observed.ts';
import { controllerOf, type KubeObject } from '../api/objects.ts';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import { effective } from '../desired/effective.ts';
import { names } from '../desired/names.ts';
import { recoverRevisions } from '../desired/recover.ts';
import { parseRevision } from '../desired/revision.ts';
import { inlineScript } from '../desired/script.ts';
import type { Deps } from './deps.ts';
import type { Cache } from '../kube/cache.ts';
import type { Keys } from './endpointKeys.ts';
import { observeRest } from './observeRest.ts';

/** Undefined when the pipeline is gone or going: its children follow it by their owner references. */
export async function observePipeline(key: Key, deps: Deps): Promise<ObservedPipeline | undefined> {
  const {
    kube: { caches },
    keys,
    scripts,
    deletedRevisions,
    usageGrace,
    ports,
    scorers,
    noConcurrency,
    now: clock,
  } = deps;
  const { namespace, name } = splitKey(key);
  const pipeline = caches.pipelines.get(namespace, name);
  if (!pipeline) {
    keys.forget(key);
    scripts.forget(key);
    usageGrace.forget(key);
    ports.forget(key);
  }
  if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) return undefined;
  const now = clock();
  const orphan = orphanIndexKey(namespace, LABEL.pipeline, name);
  const isOurs = ({ metadata }: KubeObject): boolean => names.isChild(name, metadata.name);
  const owned = <T extends KubeObject>(cache: Pick<Cache<T>, 'byIndex'>): T[] => [
    ...cache.byIndex(ownerIndexKey(pipeline.metadata)),
    ...cache.byIndex(orphan).filter(isOurs),
  ];
  const [configMaps, deployments, autoscalers, services] = [
    owned(caches.configMaps),
    owned(caches.deployments),
    owned(caches.autoscalers),
    owned(caches.services),
  ];
  const trafficFile = configMaps.find(({ metadata }) => metadata.name === names.traffic(name))?.data?.[TRAFFIC_FILE];
  const traffic = trafficFile === undefined ? undefined : parseTraffic(trafficFile);
  const service = services.find(({ metadata }) => metadata.name === names.service(name));
  const written = configMaps.filter(
    (configMap) => configMap.metadata.labels?.[LABEL.role] === 'revision' && isOurs(configMap),
  );
  const revisions = written.map(parseRevision).filter((revision): revision is Revision => revision !== undefined);
  const unreadable = written
    .map(({ metadata }) => metadata.name)
    .filter((one) => !revisions.some((revision) => revision.name === one));
  const found = await script(pipeline, scripts, (map) => caches.configMapMetadata.get(namespace, map));
  const why = noConcurrency();
  const warning = scorers.warning(caches.pods.byIndex(podOwnerIndexKey(namespace, LABEL.pipeline, name)));
  const pods = caches.pods.byIndex(podOwnerIndexKey(namespace, LABEL.pipeline, name));
  const children: KubeObject[] = [
    ...autoscalers,
    ...owned(caches.disruptionBudgets),
    ...owned(caches.networkPolicies),
    ...owned(caches.endpointSlices),
    ...services,
    ...deployments,
    ...configMaps,
  ];
  return {
    pipeline,
    now,
    deployments,
    autoscalers,
    children,
    modelVersions: modelVersions(pipeline, (model) => caches.modelVersions.get(namespace, model)),
    ...found,
    revisions: [
      ...revisions,
      ...recoverRevisions({
        deployments,
        revisions,
        script: found.script,
        remembered: (revision) => deletedRevisions.get(namespace, revision),
      }),
    ],
    pods,
    ...(await observeRest(pipeline, { pods, service, autoscaled: autoscalers.length > 0, now }, deps)),
    ...(service && { service }),
    ...(traffic && { traffic }),
    ...(why !== undefined && { noConcurrency: why }),
    ...(warning !== undefined && { warning }),
    ...(unreadable.length > 0 && { unreadable }),
    orphans: children.filter((child) => !controllerOf(child)),
    ...(effective(pipeline.spec).auth === 'Key'
      ? accepted(await keys.keys(pipeline, now), traffic, pipeline.status?.activeRevision !== undefined)
      : { keyHashes: traffic?.keyHashes ?? [] }),
  };
}

/** A weak key that opens the endpoint already goes on to do so: it is said, and its users are not locked out. The table of one that `serves` may have been deleted. */
function accepted(
  { hashes, weak, problem }: Keys,
  traffic: Traffic | undefined,
  serves: boolean,
): Pick<ObservedPipeline, 'keyHashes' | 'keyProblem'> {
  const kept = weak.filter((hash) => (traffic ? traffic.keyHashes.includes(hash) : serves));
  return { keyHashes: [...hashes, ...kept], ...(problem !== undefined && { keyProblem: problem }) };
}

function modelVersions(
  pipeline: InferencePipeline,
  get: (name: string) => ModelVersion | undefined,
): Record<string, ModelVersion> {
  return Object.fromEntries(
    (pipeline.spec.models ?? []).flatMap(({ modelVersion }) => {
      const found = get(modelVersion);
      return found ? [[modelVersion, found]] : [];
    }),
  );
}

async function script(
  { spec: { scoring }, metadata }: InferencePipeline,
  scripts: Deps['scripts'],
  known: (name: string) => KubeObject | undefined,
): Promise<Pick<ObservedPipeline, 'script' | 'scriptProblem'>> {
  if (scoring?.script !== undefined) return { script: inlineScript(scoring.script) };
  const reference = scoring?.scriptFrom?.configMap;
  if (!reference) return {};
  const found = await scripts.script(metadata, reference, known(reference.name));
  return 'script' in found ? { script: found.script } : { scriptProblem: found.problem };
}
