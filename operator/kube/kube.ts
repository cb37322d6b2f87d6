/** What the rest of the operator sees of the cluster: a cache per kind, and writes that go into it at once. */
import type { KubeObject, Stored } from '../api/objects.ts';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1.js';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Job } from 'kubernetes-types/batch/v1.js';
import { KIND, type Kind } from '../api/kinds.ts';
import { LABEL, MANAGED_SELECTOR, podOwner } from '../api/labels.ts';
import { Cache } from './cache.ts';
import type { KubeClient } from './client.ts';
import { Reflector } from './watch.ts';

export interface Caches {
  pipelines: Cache<InferencePipeline>;
  modelVersions: Cache<ModelVersion>;
  configMaps: Cache<Stored<ConfigMap>>;
  /** Metadata of every ConfigMap, since users' scripts and models are in them. */
  configMapMetadata: Cache<KubeObject>;
  services: Cache<Stored<Service>>;
  pods: Cache<Stored<Pod>>;
  deployments: Cache<Stored<Deployment>>;
  autoscalers: Cache<Stored<HorizontalPodAutoscaler>>;
  disruptionBudgets: Cache<KubeObject>;
  networkPolicies: Cache<KubeObject>;
  jobs: Cache<Stored<Job>>;
}

const ours = { labelSelector: MANAGED_SELECTOR };
const WATCHED: Record<keyof Caches, { kind: Kind; labelSelector?: string; metadataOnly?: boolean }> = {
  pipelines: { kind: KIND.pipeline },
  modelVersions: { kind: KIND.modelVersion },
  configMaps: { kind: KIND.configMap, ...ours },
  configMapMetadata: { kind: KIND.configMap, metadataOnly: true },
  services: { kind: KIND.service, ...ours },
  pods: { kind: KIND.pod, ...ours },
  deployments: { kind: KIND.deployment, ...ours },
  autoscalers: { kind: KIND.autoscaler, ...ours },
  disruptionBudgets: { kind: KIND.disruptionBudget, ...ours },
  networkPolicies: { kind: KIND.networkPolicy, ...ours },
  jobs: { kind: KIND.job, ...ours },
};

/** The cache in which children of a kind are kept, by kind. */
export const CHILD_CACHE: Record<string, keyof Caches> = {
  ConfigMap: 'configMaps', Service: 'services', Deployment: 'deployments', HorizontalPodAutoscaler: 'autoscalers',
  PodDisruptionBudget: 'disruptionBudgets', NetworkPolicy: 'networkPolicies', Job: 'jobs',
};

function workerOf({ metadata: { namespace = '', labels = {} } }: KubeObject): string | undefined {
  const label = ([LABEL.pipeline, LABEL.modelVersion] as const).find((one) => labels[one] !== undefined);
  return label && podOwner(namespace, label, labels[label]!);
}

export class Kube {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly #reflectors: Reflector<KubeObject>[];

  /** Watches `namespaces`, or all when the list is empty. */
  constructor(client: KubeClient, namespaces: readonly string[], onError: (error: unknown) => void) {
    this.client = client;
    this.caches = Object.fromEntries(Object.keys(WATCHED).map((name) => [name, name === 'pods' ? new Cache(workerOf) : new Cache()])) as unknown as Caches;
    const places = namespaces.length > 0 ? namespaces.map((namespace) => ({ namespace })) : [{}];
    this.#reflectors = Object.entries(WATCHED).flatMap(([name, watched]) =>
      places.map((place) => new Reflector(client, this.caches[name as keyof Caches] as unknown as Cache<KubeObject>, { ...watched, ...place, onError })));
  }

  get synced(): boolean {
    return this.#reflectors.every((reflector) => reflector.synced);
  }

  /** Longest silence of any watch, in milliseconds. */
  get silentMs(): number {
    return Math.max(...this.#reflectors.map((reflector) => reflector.silentMs));
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  /** The cached child of that kind and name. */
  child({ kind, metadata }: KubeObject): KubeObject | undefined {
    return (this.caches[CHILD_CACHE[kind]!] as unknown as Cache<KubeObject>).get(metadata.namespace ?? '', metadata.name);
  }

  /** Takes a deleted child out of the cache, before the watch says so. */
  forget({ kind, metadata }: KubeObject): void {
    (this.caches[CHILD_CACHE[kind]!] as unknown as Cache<KubeObject>).remove(`${metadata.namespace ?? ''}/${metadata.name}`);
  }

  /** Puts the answer to a write into the cache, so that the next reconcile sees it. */
  remember(object: KubeObject): void {
    const cache = this.caches[CHILD_CACHE[object.kind]!] as unknown as Cache<KubeObject>;
    const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
    cache.put({ ...object, metadata });
  }
}
