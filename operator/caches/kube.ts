/** The operator's view of the cluster: a cache for each kind, updated by watches and by the operator's own writes. */
import type { KubeObject, Stored } from '@penstock/kube/api/objects';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1.js';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Slice } from '../api/endpointSlices.ts';
import { KIND } from '../api/kinds.ts';
import type { Kind } from '@penstock/kube/api/kinds';
import { ACTIVATOR_SELECTOR, MANAGED_SELECTOR } from '../api/labels.ts';
import { FairShare } from '@penstock/kube/cache/fairShare';
import { Cache, type Index } from '@penstock/kube/cache/cache';
import type { KubeClient } from '@penstock/kube/client/client';
import {
  ownerKeys,
  deploymentKeys,
  pipelineKeys,
  podOwnerKeys,
  modelVersionKeys,
  endpointSliceKeys,
} from './indexes.ts';
import { Reflector } from '@penstock/kube/cache/reflector';

export interface Caches {
  pipelines: Cache<InferencePipeline>;
  modelVersions: Cache<ModelVersion>;
  configMaps: Cache<Stored<ConfigMap>>;
  /** Metadata of every ConfigMap, because users keep scripts and models in them. */
  configMapMetadata: Cache<KubeObject>;
  services: Cache<Stored<Service>>;
  pods: Cache<Stored<Pod>>;
  /** The activator's pods, in the operator's namespace. */
  activators: Cache<Stored<Pod>>;
  deployments: Cache<Stored<Deployment>>;
  autoscalers: Cache<Stored<HorizontalPodAutoscaler>>;
  disruptionBudgets: Cache<KubeObject>;
  /** Those of the activator, and those of the pipelines' Services, to which Kubernetes copies our labels. */
  endpointSlices: Cache<Slice>;
  networkPolicies: Cache<KubeObject>;
  jobs: Cache<Stored<Job>>;
}

interface Watched {
  kind: Kind;
  labelSelector?: string;
  metadataOnly?: boolean;
  /** Watched in the operator's namespace only, whichever namespaces it watches. */
  operatorNamespaceOnly?: boolean;
  index?: Index<never>;
}
const managed = { labelSelector: MANAGED_SELECTOR, index: ownerKeys };
const WATCHED: Record<keyof Caches, Watched> = {
  pipelines: { kind: KIND.pipeline, index: pipelineKeys },
  modelVersions: { kind: KIND.modelVersion, index: modelVersionKeys },
  configMaps: { kind: KIND.configMap, ...managed },
  configMapMetadata: { kind: KIND.configMap, metadataOnly: true },
  services: { kind: KIND.service, ...managed },
  pods: { kind: KIND.pod, ...managed, index: podOwnerKeys },
  activators: { kind: KIND.pod, labelSelector: ACTIVATOR_SELECTOR, operatorNamespaceOnly: true },
  deployments: { kind: KIND.deployment, ...managed, index: deploymentKeys },
  autoscalers: { kind: KIND.autoscaler, ...managed },
  disruptionBudgets: { kind: KIND.disruptionBudget, ...managed },
  endpointSlices: { kind: KIND.endpointSlice, ...managed, index: endpointSliceKeys },
  networkPolicies: { kind: KIND.networkPolicy, ...managed },
  jobs: { kind: KIND.job, ...managed },
};

/** The cache for each kind. */
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
  /** Empty: all namespaces. */
  namespaces: readonly string[];
  /** The namespace that the operator runs in. */
  operatorNamespace: string;
  idleMs: number;
  /** Estimated memory that the cached objects of all namespaces may take (bytes). */
  cacheBytes: number;
  onError: (error: unknown) => void;
}

export class Kube {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly #reflectors: { name: keyof Caches; namespace?: string; reflector: Reflector<KubeObject> }[];

  constructor(client: KubeClient, { namespaces, operatorNamespace, idleMs, cacheBytes, onError }: KubeOptions) {
    this.client = client;
    const budget = new FairShare(cacheBytes);
    this.caches = Object.fromEntries(
      Object.entries(WATCHED).map(([name, { index }]) => [name, new Cache(index, onError, budget)]),
    ) as unknown as Caches;
    const scopes = namespaces.length > 0 ? namespaces.map((namespace) => ({ namespace })) : [{}];
    this.#reflectors = (Object.keys(WATCHED) as (keyof Caches)[]).flatMap((name) => {
      const { index: _, operatorNamespaceOnly, ...watched } = WATCHED[name];
      return (operatorNamespaceOnly ? [{ namespace: operatorNamespace }] : scopes).map((scope) => ({
        name,
        ...scope,
        reflector: new Reflector(client, this.#cache(name), { ...watched, ...scope, idleMs, onError }),
      }));
    });
  }

  /** Every first list is complete. */
  get synced(): boolean {
    return this.#reflectors.every(({ reflector }) => reflector.synced);
  }

  /** Resolves when every first list is complete. */
  get whenSynced(): Promise<unknown> {
    return Promise.all(this.#reflectors.map(({ reflector }) => reflector.whenSynced));
  }

  /** Milliseconds since the last event of the quietest watch. */
  get msSinceLastEvent(): number {
    return Math.max(...this.#reflectors.map(({ reflector }) => reflector.msSinceLastEvent));
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map(({ reflector }) => reflector.run(signal)));
  }

  /** A sentence that says which objects of a namespace are not cached for lack of memory; undefined when all are. */
  omitted(namespace: string): string | undefined {
    const kinds = (Object.keys(WATCHED) as (keyof Caches)[]).flatMap((name) => {
      const names = this.#cache(name).omitted(namespace);
      return names.length === 0
        ? []
        : [`${names.length} ${WATCHED[name].kind.plural} (${names[0]}${names.length > 1 ? ', …' : ''})`];
    });
    if (kinds.length === 0) return undefined;
    return `the objects of this namespace take more of the operator’s memory than one namespace may have: ${kinds.join(', ')} cannot be looked at; delete or shorten objects here, or give the operator more memory (operator.resources.limits.memory)`;
  }

  /** The cached object of that kind and name. */
  cached({ kind, metadata }: KubeObject): KubeObject | undefined {
    return this.#cache(CACHE_OF[kind]!).get(metadata.namespace ?? '', metadata.name);
  }

  /** Removes a deleted object from its cache before the watch reports it. */
  evict({ kind, metadata }: KubeObject): void {
    this.#cache(CACHE_OF[kind]!).remove(`${metadata.namespace ?? ''}/${metadata.name}`, metadata.uid, Infinity);
  }

  /**
   * Puts the response to a write into the cache, so that the next reconcile sees it. Dropped if the watch already
   * passed this version: re-adding could resurrect a deleted object with no further event.
   */
  cacheWrite(object: KubeObject): void {
    const name = CACHE_OF[object.kind]!;
    const source = this.#reflectors.find(
      (one) => one.name === name && (one.namespace === undefined || one.namespace === object.metadata.namespace),
    );
    if (!source || source.reflector.lastResourceVersion >= Number(object.metadata.resourceVersion)) return;
    const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
    this.#cache(name).put({ ...object, metadata });
  }

  #cache(name: keyof Caches): Cache<KubeObject> {
    return this.caches[name] as unknown as Cache<KubeObject>;
  }
}
