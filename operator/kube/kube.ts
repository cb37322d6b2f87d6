/** What the rest of the operator sees of the cluster: a cache per kind, and writes that go into it at once. */
import type { KubeObject, Stored } from '../api/objects.ts';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1.js';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Slice } from '../api/endpoints.ts';
import { KIND, type Kind } from '../api/kinds.ts';
import { ACTIVATOR_SELECTOR, MANAGED_SELECTOR } from '../api/labels.ts';
import { FairShare } from '../queue/fairShare.ts';
import { Cache, type Index } from './cache.ts';
import type { KubeClient } from './client.ts';
import { byOwner, byRevision, byUse, byWorker, queued, sliceWords } from './indexes.ts';
import { Reflector } from './watch.ts';

export interface Caches {
  pipelines: Cache<InferencePipeline>;
  modelVersions: Cache<ModelVersion>;
  configMaps: Cache<Stored<ConfigMap>>;
  /** Metadata of every ConfigMap, since users' scripts and models are in them. */
  configMapMetadata: Cache<KubeObject>;
  services: Cache<Stored<Service>>;
  pods: Cache<Stored<Pod>>;
  /** The activator's pods, in the operator's own namespace: who takes requests for pipelines without pods. */
  activators: Cache<Stored<Pod>>;
  deployments: Cache<Stored<Deployment>>;
  autoscalers: Cache<Stored<HorizontalPodAutoscaler>>;
  disruptionBudgets: Cache<KubeObject>;
  /** The activator's, and those of our Services, which carry our labels. */
  endpointSlices: Cache<Slice>;
  networkPolicies: Cache<KubeObject>;
  jobs: Cache<Stored<Job>>;
}

interface Watched {
  kind: Kind;
  labelSelector?: string;
  metadataOnly?: boolean;
  /** In the operator's own namespace, whichever it watches. */
  ofRelease?: boolean;
  index?: Index<never>;
}
const ours = { labelSelector: MANAGED_SELECTOR, index: byOwner };
const WATCHED: Record<keyof Caches, Watched> = {
  pipelines: { kind: KIND.pipeline, index: byUse },
  modelVersions: { kind: KIND.modelVersion, index: queued },
  configMaps: { kind: KIND.configMap, ...ours },
  configMapMetadata: { kind: KIND.configMap, metadataOnly: true },
  services: { kind: KIND.service, ...ours },
  pods: { kind: KIND.pod, ...ours, index: byWorker },
  activators: { kind: KIND.pod, labelSelector: ACTIVATOR_SELECTOR, ofRelease: true },
  deployments: { kind: KIND.deployment, ...ours, index: byRevision },
  autoscalers: { kind: KIND.autoscaler, ...ours },
  disruptionBudgets: { kind: KIND.disruptionBudget, ...ours },
  endpointSlices: { kind: KIND.endpointSlice, ...ours, index: sliceWords },
  networkPolicies: { kind: KIND.networkPolicy, ...ours },
  jobs: { kind: KIND.job, ...ours },
};

/** The cache in which objects of a kind are kept, by kind. */
const CACHE_OF: Record<string, keyof Caches> = {
  InferencePipeline: 'pipelines',
  ModelVersion: 'modelVersions',
  ConfigMap: 'configMaps',
  Service: 'services',
  Deployment: 'deployments',
  HorizontalPodAutoscaler: 'autoscalers',
  PodDisruptionBudget: 'disruptionBudgets',
  EndpointSlice: 'endpointSlices',
  NetworkPolicy: 'networkPolicies',
  Job: 'jobs',
};

export interface KubeOptions {
  /** Empty: all. */
  namespaces: readonly string[];
  /** The operator's own. */
  home: string;
  idleMs: number;
  /** How much memory the cached objects of all namespaces may take, roughly (bytes). */
  cacheBytes: number;
  onError: (error: unknown) => void;
}

export class Kube {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly #reflectors: { name: keyof Caches; namespace?: string; reflector: Reflector<KubeObject> }[];

  constructor(client: KubeClient, { namespaces, home, idleMs, cacheBytes, onError }: KubeOptions) {
    this.client = client;
    const budget = new FairShare(cacheBytes);
    this.caches = Object.fromEntries(
      Object.entries(WATCHED).map(([name, { index }]) => [name, new Cache(index, onError, budget)]),
    ) as unknown as Caches;
    const places = namespaces.length > 0 ? namespaces.map((namespace) => ({ namespace })) : [{}];
    this.#reflectors = (Object.keys(WATCHED) as (keyof Caches)[]).flatMap((name) => {
      const { index: _, ofRelease, ...watched } = WATCHED[name];
      return (ofRelease ? [{ namespace: home }] : places).map((place) => ({
        name,
        ...place,
        reflector: new Reflector(client, this.#cache(name), { ...watched, ...place, idleMs, onError }),
      }));
    });
  }

  /** Every first list is complete. */
  get synced(): boolean {
    return this.#reflectors.every(({ reflector }) => reflector.synced);
  }

  /** Longest silence of any watch, in milliseconds. */
  get silentMs(): number {
    return Math.max(...this.#reflectors.map(({ reflector }) => reflector.silentMs));
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map(({ reflector }) => reflector.run(signal)));
  }

  /** What of a namespace the caches leave out for want of room, as a sentence; undefined when they hold all of it. */
  unseen(namespace: string): string | undefined {
    const kinds = (Object.keys(WATCHED) as (keyof Caches)[]).flatMap((name) => {
      const names = this.#cache(name).unseen(namespace);
      return names.length === 0
        ? []
        : [`${names.length} ${WATCHED[name].kind.plural} (${names[0]}${names.length > 1 ? ', …' : ''})`];
    });
    if (kinds.length === 0) return undefined;
    return `the objects of this namespace take more of the operator’s memory than one namespace may have: ${kinds.join(', ')} cannot be looked at; delete or shorten objects here, or give the operator more memory (operator.resources.limits.memory)`;
  }

  /** The cached object of that kind and name. */
  child({ kind, metadata }: KubeObject): KubeObject | undefined {
    return this.#cache(CACHE_OF[kind]!).get(metadata.namespace ?? '', metadata.name);
  }

  /** Takes a deleted child out of the cache, before the watch says so. */
  forget({ kind, metadata }: KubeObject): void {
    this.#cache(CACHE_OF[kind]!).remove(`${metadata.namespace ?? ''}/${metadata.name}`, metadata.uid, Infinity);
  }

  /**
   * Puts the answer to a write into the cache, so that the next reconcile sees it. An answer that the watch has
   * overtaken is dropped: the object may have been deleted since, and nobody would tell a second time.
   */
  remember(object: KubeObject): void {
    const name = CACHE_OF[object.kind]!;
    const source = this.#reflectors.find(
      (one) => one.name === name && (one.namespace === undefined || one.namespace === object.metadata.namespace),
    );
    if (!source || source.reflector.position >= Number(object.metadata.resourceVersion)) return;
    const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
    this.#cache(name).put({ ...object, metadata });
  }

  #cache(name: keyof Caches): Cache<KubeObject> {
    return this.caches[name] as unknown as Cache<KubeObject>;
  }
}
