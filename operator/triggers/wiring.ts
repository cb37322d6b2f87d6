/** Connects caches to queues: which change triggers which reconcile. */
import type { Caches } from '../caches/kube.ts';
import type { Cache } from '@penstock/kube/cache/cache';
import { isActivatorSlice, hasReadyEndpoints } from '../api/endpointSlices.ts';
import { joinKey, objectKey, type Key } from '@penstock/kube/api/keys';
import { LABEL, indexKey } from '../api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { addressesOf } from '@penstock/kube/api/pods';
import { recordOf } from '../api/record.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import type { WorkQueue } from '@penstock/kube/controller/workqueue';
import { specChanged, usageChanged, ownerKey, podOwnerKey } from './triggers.ts';

const CHILDREN = [
  'configMaps',
  'services',
  'deployments',
  'autoscalers',
  'disruptionBudgets',
  'endpointSlices',
  'networkPolicies',
] as const satisfies (keyof Caches)[];

const addAll = (queue: WorkQueue, keys: Iterable<Key | undefined>): void => {
  for (const key of keys) if (key !== undefined) queue.add(key);
};

/**
 * A pipeline is triggered by its children, their pods, its ModelVersions and the ConfigMap of its script; it triggers
 * the ModelVersions that it uses.
 */
export function wirePipelines(caches: Caches, queues: { pipelines: WorkQueue; modelVersions: WorkQueue }): void {
  const queue = queues.pipelines;
  caches.pipelines.onChange((change, object, old) => {
    if (change === 'changed' && !specChanged(object, old)) return;
    queue.add(objectKey(object));
    for (const pipeline of [object, ...(old ? [old] : [])]) addAll(queues.modelVersions, namedModelVersions(pipeline));
  });
  for (const name of CHILDREN) {
    (caches[name] as unknown as Cache<KubeObject>).onChange((_, object, old) =>
      addAll(queue, [ownerKey(object, 'InferencePipeline'), old && ownerKey(old, 'InferencePipeline')]),
    );
  }
  caches.pods.onChange((_, object) => addAll(queue, [podOwnerKey(object, LABEL.pipeline)]));
  caches.endpointSlices.onChange((change, object, old) => {
    if (
      !isActivatorSlice(object) &&
      (change !== 'changed' || !old || hasReadyEndpoints(old) !== hasReadyEndpoints(object))
    )
      addAll(queue, [podOwnerKey(object, LABEL.pipeline)]);
  });
  caches.modelVersions.onChange((_, object, old) => {
    if (usageChanged(object, old))
      addAll(
        queue,
        caches.pipelines
          .byIndex(indexKey.modelVersion(object.metadata.namespace ?? '', object.metadata.name))
          .map(objectKey),
      );
  });
  caches.configMapMetadata.onChange((_, object) =>
    addAll(
      queue,
      caches.pipelines
        .byIndex(indexKey.configMap(object.metadata.namespace ?? '', object.metadata.name))
        .map(objectKey),
    ),
  );
}

/** Requeues all scale-to-zero pipelines when the set of Ready activator addresses changes. */
export function wireActivators(
  caches: Caches,
  queue: WorkQueue,
  mayRest: (pipeline: InferencePipeline) => boolean,
): void {
  let before = '';
  caches.activators.onChange(() => {
    const now = addressesOf(caches.activators.values()).join();
    if (now === before) return;
    before = now;
    addAll(queue, [...caches.pipelines.values()].filter(mayRest).map(objectKey));
    addAll(
      queue,
      [...caches.endpointSlices.values()].filter(isActivatorSlice).map((slice) => podOwnerKey(slice, LABEL.pipeline)),
    );
  });
}

/**
 * A ModelVersion is triggered by its Jobs, their pods, the ConfigMap of its source and the Deployments that load it; a
 * Job that ends triggers the queued ones.
 */
export function wireModelVersions(caches: Caches, queue: WorkQueue): void {
  caches.modelVersions.onChange((change, object, old) => {
    if (change !== 'removed' && specChanged(object, old)) queue.add(objectKey(object));
  });
  caches.jobs.onChange((_, object, old) => {
    addAll(queue, [ownerKey(object, 'ModelVersion'), old && ownerKey(old, 'ModelVersion')]);
    addAll(queue, oldestOfEachNamespace(caches.modelVersions.byIndex(indexKey.verification)).map(objectKey));
  });
  caches.pods.onChange((_, object) => addAll(queue, [podOwnerKey(object, LABEL.modelVersion)]));
  caches.deployments.onChange((change, object, old) => {
    if (change === 'changed' && old && loadedModelVersions(old).join() === loadedModelVersions(object).join()) return;
    addAll(queue, [...loadedModelVersions(object), ...(old ? loadedModelVersions(old) : [])]);
  });
  caches.configMapMetadata.onChange((_, object) =>
    addAll(
      queue,
      caches.modelVersions
        .byIndex(indexKey.configMap(object.metadata.namespace ?? '', object.metadata.name))
        .map(objectKey),
    ),
  );
}

/** One ModelVersion of each namespace: whether it may start depends only on the counts of its namespace. */
const oldestOfEachNamespace = <T extends KubeObject>(objects: T[]): T[] => [
  ...new Map(objects.toReversed().map((object) => [object.metadata.namespace, object])).values(),
];

const loadedModelVersions = ({ metadata }: KubeObject): Key[] =>
  (recordOf(metadata)?.models ?? []).map(({ modelVersion }) => joinKey(metadata.namespace ?? '', modelVersion));
const namedModelVersions = ({ metadata, spec }: InferencePipeline): Key[] =>
  (spec.models ?? []).map(({ modelVersion }) => joinKey(metadata.namespace ?? '', modelVersion));
