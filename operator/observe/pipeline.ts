/**
 * All reads of a pipeline's reconcile, gathered in one value. From caches; the API server is asked only for what they
 * lack.
 */
import { parseTraffic, TRAFFIC_FILE, type Traffic } from '@penstock/contract';
import { joinKey } from '@penstock/kube/api/keys';
import { locksOf } from '../api/locks.ts';
import { LABEL, orphanIndexKey, ownerIndexKey, podOwnerIndexKey } from '../api/labels.ts';
import type { ObservedPipeline, Revision, Script } from '../api/observed.ts';
import { controllerOf, type KubeObject, type Stored } from '@penstock/kube/api/objects';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import { effective } from '../desired/effective.ts';
import { names } from '../desired/names.ts';
import { recoverRevisions } from '../desired/recover.ts';
import { parseRevision } from '../desired/revision.ts';
import { inlineScript, withLock } from '../desired/script.ts';
import type { Cache } from '@penstock/kube/cache/cache';
import type { Caches } from '../caches/kube.ts';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import type { ObserveDeps } from './deps.ts';
import { hasPackageCache } from './packageCache.ts';
import { revisionStates } from './revisionState.ts';
import { observeScaleToZero } from './scaleToZero.ts';

export async function observePipeline(
  pipeline: InferencePipeline,
  deps: ObserveDeps,
): Promise<Omit<ObservedPipeline, 'mayRefresh'>> {
  const { caches } = deps.kube;
  const { namespace = '', name } = pipeline.metadata;
  const now = deps.now();
  const children = childrenOf(pipeline, caches);
  const { configMaps, deployments, autoscalers, services } = children;
  const pods = caches.pods.byIndex(podOwnerIndexKey(namespace, LABEL.pipeline, name));
  const traffic = trafficIn(configMaps, names.traffic(name));
  const service = services.find(({ metadata }) => metadata.name === names.service(name));
  const script = await readScript(pipeline, deps);
  const { revisions, unreadable } = storedRevisions(name, configMaps);
  const recovered = recoverRevisions({
    deployments,
    revisions,
    script: script.script,
    remembered: (revision) => deps.deletedRevisions.get(namespace, revision),
  });
  const all = Object.values(children).flat();
  return {
    pipeline,
    now,
    deployments,
    autoscalers,
    pods,
    service,
    traffic,
    unreadable,
    children: all,
    orphans: all.filter((child) => !controllerOf(child)),
    revisions: [...revisions, ...recovered],
    states: revisionStates({ deployments, autoscalers, pods }),
    modelVersions: modelVersionsOf(pipeline, caches),
    noConcurrency: deps.noConcurrency(),
    warning: deps.scorers.warning(pods),
    ...script,
    packageCache: await hasPackageCache(namespace, script.script, deps),
    ...(await observeScaleToZero(pipeline, { pods, service, autoscaled: autoscalers.length > 0, now }, deps)),
    ...(await acceptedKeys(pipeline, traffic, deps)),
  };
}

/** Forgets what is remembered of a pipeline that is gone. */
export function forgetPipeline(
  { namespace, name }: { namespace: string; name: string },
  { keys, scripts, ports }: Pick<ObserveDeps, 'keys' | 'scripts' | 'ports'>,
): void {
  for (const memory of [keys, scripts, ports]) memory.forget(joinKey(namespace, name));
}

/**
 * The children that the pipeline controls, and those with its labels and a child's name whose owner reference was
 * removed; in the order in which they may be deleted.
 */
function childrenOf(pipeline: InferencePipeline, caches: Caches) {
  const { namespace = '', name } = pipeline.metadata;
  const orphan = orphanIndexKey(namespace, LABEL.pipeline, name);
  const isOurs = ({ metadata }: KubeObject): boolean => names.isChild(name, metadata.name);
  const owned = <T extends KubeObject>(cache: Pick<Cache<T>, 'byIndex'>): T[] => [
    ...cache.byIndex(ownerIndexKey(pipeline.metadata)),
    ...cache.byIndex(orphan).filter(isOurs),
  ];
  return {
    autoscalers: owned(caches.autoscalers),
    disruptionBudgets: owned(caches.disruptionBudgets),
    networkPolicies: owned(caches.networkPolicies),
    endpointSlices: owned(caches.endpointSlices),
    services: owned(caches.services),
    deployments: owned(caches.deployments),
    configMaps: owned(caches.configMaps),
  };
}

function trafficIn(configMaps: Stored<ConfigMap>[], name: string): Traffic | undefined {
  const text = configMaps.find(({ metadata }) => metadata.name === name)?.data?.[TRAFFIC_FILE];
  return text === undefined ? undefined : parseTraffic(text);
}

/** The revisions in the ConfigMaps, and the names of ConfigMaps that hold none although they should. */
function storedRevisions(
  pipeline: string,
  configMaps: Stored<ConfigMap>[],
): Pick<ObservedPipeline, 'revisions' | 'unreadable'> {
  const written = configMaps.filter(
    ({ metadata }) => metadata.labels?.[LABEL.role] === 'revision' && names.isChild(pipeline, metadata.name),
  );
  const parsed = written.map((configMap) => ({ name: configMap.metadata.name, revision: parseRevision(configMap) }));
  const unreadable = parsed.filter(({ revision }) => !revision).map(({ name }) => name);
  return {
    revisions: parsed.map(({ revision }) => revision).filter((one): one is Revision => one !== undefined),
    unreadable: unreadable.length > 0 ? unreadable : undefined,
  };
}

function modelVersionsOf(pipeline: InferencePipeline, caches: Caches): Record<string, ModelVersion> {
  const { namespace = '' } = pipeline.metadata;
  return Object.fromEntries(
    (pipeline.spec.models ?? []).flatMap(({ modelVersion }) => {
      const found = caches.modelVersions.get(namespace, modelVersion);
      return found ? [[modelVersion, found]] : [];
    }),
  );
}

async function readScript(
  pipeline: InferencePipeline,
  deps: ObserveDeps,
): Promise<Pick<ObservedPipeline, 'script' | 'scriptProblem'>> {
  const { spec, metadata } = pipeline;
  if (spec.scoring?.script !== undefined) return { script: inlineScript(spec.scoring.script) };
  const reference = spec.scoring?.scriptFrom?.configMap;
  if (!reference) return {};
  const found = await deps.scripts.script(metadata, reference, configMapOf(pipeline, reference.name, deps));
  if ('problem' in found) return { scriptProblem: found.problem };
  return withLocks(found.script, reference.name, pipeline, deps);
}

/** The script with the locks of its packages. */
async function withLocks(
  files: Script,
  scriptFrom: string,
  pipeline: InferencePipeline,
  deps: ObserveDeps,
): Promise<Pick<ObservedPipeline, 'script' | 'scriptProblem'>> {
  let script = files;
  for (const lock of locksOf(pipeline.spec)) {
    const { field, text, from } = lock;
    const found = from ? await readLock(pipeline, { ...from.configMap, field }, deps) : { text };
    if ('problem' in found) return { scriptProblem: found.problem };
    if (found.text !== undefined) script = withLock(script, lock, found.text, scriptFrom);
  }
  return { script };
}

const readLock = (
  pipeline: InferencePipeline,
  reference: { name: string; key: string; field: string },
  deps: ObserveDeps,
): Promise<{ text: string } | { problem: string }> =>
  deps.scripts.text(pipeline.metadata, reference, configMapOf(pipeline, reference.name, deps));

const configMapOf = (
  { metadata: { namespace = '' } }: InferencePipeline,
  name: string,
  { kube }: ObserveDeps,
): KubeObject | undefined => kube.caches.configMapMetadata.get(namespace, name);

/**
 * Keys that open the endpoint. A weak key that does so already goes on doing so, or its users would be locked out; the
 * traffic table of a pipeline that serves may have been deleted.
 */
async function acceptedKeys(
  pipeline: InferencePipeline,
  traffic: Traffic | undefined,
  { keys }: ObserveDeps,
): Promise<Pick<ObservedPipeline, 'keyHashes' | 'keyProblem' | 'keySecret'>> {
  if (effective(pipeline.spec).auth !== 'Key') return { keyHashes: traffic?.keyHashes ?? [] };
  const found = await keys.read(pipeline);
  if (!found) return {};
  const serves = pipeline.status?.activeRevision !== undefined;
  const kept = found.weak.filter((hash) => (traffic ? traffic.keyHashes.includes(hash) : serves));
  return { keyHashes: [...found.hashes, ...kept], keyProblem: found.problem, keySecret: found.metadata };
}
