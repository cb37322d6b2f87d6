/** The real reconcile of a pipeline, run on values: a server, what the operator's cache shows, and the clock. */
import { isRace } from '@penstock/kube/controller/result';
import { KIND } from '../../../operator/api/kinds.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import { Cache, type Index } from '@penstock/kube/cache/cache';
import type { KubeClient } from '@penstock/kube/client/client';
import { ownerKeys, pipelineKeys, podOwnerKeys } from '../../../operator/caches/indexes.ts';
import type { Caches } from '../../../operator/caches/kube.ts';
import type { Deps } from '../../../operator/reconcile/deps.ts';
import { RefreshSlots } from '../../../operator/reconcile/refreshSlots.ts';
import { UsageGracePeriod } from '../../../operator/reconcile/usageGracePeriod.ts';
import { reconcilePipeline } from '../../../operator/reconcile/pipeline.ts';
import { config } from '../../support/fixtures/objects.ts';
import { keyOf, Server, type Objects, type Thing } from './server.ts';

export class Crash extends Error {}

export interface Input {
  objects: Objects;
  cache: Objects;
  version: number;
  now: number;
  /** ConfigMaps that this process saw going. */
  lost: Objects;
  interfere?: (write: number, early: boolean) => void;
  staleReads?: boolean;
}
export interface Output {
  objects: Objects;
  cache: Objects;
  version: number;
  writes: string[];
  crashed: boolean;
  wakeAfterMs: number | undefined;
  retry: boolean;
}

const CACHE: Record<string, keyof Caches> = {
  InferencePipeline: 'pipelines',
  ConfigMap: 'configMaps',
  Service: 'services',
  Deployment: 'deployments',
  HorizontalPodAutoscaler: 'autoscalers',
  PodDisruptionBudget: 'disruptionBudgets',
  NetworkPolicy: 'networkPolicies',
  Pod: 'pods',
  EndpointSlice: 'endpointSlices',
};

/** Who takes requests for a pipeline at zero; always Ready. */
const ACTIVATOR = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'penstock-system', name: 'activator', uid: 'activator', resourceVersion: '1' },
  status: { podIP: '10.9.0.2', conditions: [{ type: 'Ready', status: 'True' }] },
} as unknown as Thing;

export async function reconcileOnce({
  objects,
  cache,
  version,
  now,
  lost,
  interfere,
  staleReads,
}: Input): Promise<Output> {
  const server = new Server(objects, version, { now, ...(interfere && { interfere }) });
  const view = { ...cache };
  const caches = cachesOf(cache);
  const deps = {
    kube: {
      caches,
      omitted: () => undefined,
      client: client(server, staleReads ? cache : undefined),
      cached: ({ kind, metadata }: Thing) => view[`${kind}/${metadata.name}`],
      cacheWrite: (object: Thing) => void (view[keyOf(object)] = object),
      evict: (object: Thing) => void Reflect.deleteProperty(view, keyOf(object)),
    },
    events: { publish: () => undefined },
    keys: { read: () => Promise.resolve({ hashes: [], weak: [] }), forget: () => undefined },
    scripts: { forget: () => undefined },
    usageGrace: new UsageGracePeriod(),
    refreshes: new RefreshSlots(1, () => undefined),
    ports: { port: () => 20_000, forget: () => undefined },
    // asked only of pipelines that may have no pods
    scorers: { idleness: () => Promise.resolve({ seconds: 3600 }), warning: () => undefined },
    noConcurrency: () => undefined,
    deletedRevisions: { get: (_: string, name: string) => lost[`ConfigMap/${name}`] },
    config,
    log: () => undefined,
    now: () => now,
  } as unknown as Deps;
  try {
    const result = await reconcilePipeline('ns/p', deps);
    return {
      objects: server.objects,
      cache: view,
      version: server.version,
      writes: server.writes,
      crashed: false,
      wakeAfterMs: result.next === 'after' ? result.ms : undefined,
      retry: result.next === 'retry',
    };
  } catch (error) {
    if (
      !(error instanceof Crash) &&
      !isRace(error) &&
      !(error as { code?: number }).code &&
      !/connection/.test((error as Error).message)
    )
      throw error;
    return {
      objects: server.objects,
      cache: view,
      version: server.version,
      writes: server.writes,
      crashed: error instanceof Crash,
      wakeAfterMs: undefined,
      retry: true,
    };
  }
}

function cachesOf(objects: Objects): Caches {
  const index: Partial<Record<keyof Caches, Index<never>>> = { pipelines: pipelineKeys, pods: podOwnerKeys };
  const names = [
    ...new Set([...Object.values(CACHE), 'modelVersions', 'configMapMetadata', 'jobs', 'activators']),
  ] as (keyof Caches)[];
  const caches = Object.fromEntries(
    names.map((name) => [name, new Cache<Thing>((index[name] ?? ownerKeys) as Index<Thing>)]),
  ) as unknown as Record<keyof Caches, Cache<Thing>>;
  for (const object of Object.values(objects)) caches[CACHE[object.kind]!].put(object);
  caches.activators.put(ACTIVATOR);
  return caches as unknown as Caches;
}

/** RFC 7396. */
function merged(into: Record<string, unknown> | undefined, change: object): Record<string, unknown> {
  const entries = Object.entries(change).map(([name, value]: [string, unknown]): [string, unknown] => [
    name,
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? merged(into?.[name] as Record<string, unknown> | undefined, value)
      : value,
  ]);
  const all: Record<string, unknown> = { ...into, ...Object.fromEntries(entries) };
  return JSON.parse(
    JSON.stringify(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))),
  ) as Record<string, unknown>;
}

/** `listed`: what lists are answered from, in place of the server. */
function client(server: Server, listed?: Objects): KubeClient {
  const made: Partial<Record<keyof KubeClient, unknown>> = {
    create: (object: Thing) => server.create(object),
    apply: (object: Thing) => server.apply(object),
    get: async (kind: { kind: string }, _: string, name: string) => server.get(`${kind.kind}/${name}`),
    list: async (_: string, { labelSelector }: { labelSelector: string }) => ({
      items: Object.values(listed ?? server.objects).filter(
        ({ kind, metadata }) => kind === 'Pod' && metadata.labels?.[LABEL.revision] === labelSelector.split('=')[1],
      ),
    }),
    patchStatus: ({ kind, metadata }: Thing, change: object) =>
      server.change('status', `${kind}/${metadata.name}`, metadata, (old) => ({
        ...old,
        status: merged(old.status, change),
      })),
    patchMetadata: (kind: { kind: string }, { name, uid }: Thing['metadata'], change: Partial<Thing['metadata']>) =>
      server.change('patch', `${kind.kind}/${name}`, { name, ...(uid !== undefined && { uid }) }, (old) => ({
        ...old,
        metadata: { ...old.metadata, ...change, annotations: { ...old.metadata.annotations, ...change.annotations } },
      })),
    scale: (seen: Thing['metadata'], replicas: number) =>
      server.change('scale', `${KIND.deployment.kind}/${seen.name}`, seen, (old) => ({
        ...old,
        spec: { ...old.spec, replicas },
      })),
    remove: (object: Thing) => server.remove(keyOf(object), object.metadata),
  };
  return made as unknown as KubeClient;
}
