/** Joins caches to queues: which change wakes which reconcile. */
import type { Caches } from '../kube/kube.ts';
import type { Cache, Change } from '../kube/cache.ts';
import { keyOf } from '../api/flow.ts';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import type { InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import type { WorkQueue } from '../queue/workqueue.ts';
import { concernsItself, ownerKey, podKey } from './triggers.ts';

const CHILDREN = ['configMaps', 'services', 'deployments', 'autoscalers', 'disruptionBudgets', 'networkPolicies'] as const satisfies (keyof Caches)[];
const selfKey = ({ metadata }: KubeObject): string => keyOf(metadata.namespace ?? '', metadata.name);
const addAll = (queue: WorkQueue, keys: Iterable<string | undefined>): void => {
  for (const key of keys) if (key !== undefined) queue.add(key);
};

/** Children, their pods, the model versions and the ConfigMaps of scripts wake a pipeline. */
export function wirePipelines(caches: Caches, queue: WorkQueue): void {
  caches.pipelines.onChange((change, object, old) => {
    if (change !== 'removed' && concernsItself(object, old)) queue.add(selfKey(object));
  });
  for (const name of CHILDREN) (caches[name] as unknown as Cache<KubeObject>).onChange((_: Change, object) => addAll(queue, [ownerKey(object, 'InferencePipeline')]));
  caches.pods.onChange((_, object) => addAll(queue, [podKey(object, LABEL.pipeline)]));
  caches.modelVersions.onChange((_, object) => addAll(queue, usersOf(caches, object, (pipeline) => pipeline.spec.models?.some(({ modelVersion }) => modelVersion === object.metadata.name))));
  caches.configMapMetadata.onChange((_, object) => addAll(queue, usersOf(caches, object, (pipeline) => pipeline.spec.scoring?.scriptFrom?.configMap.name === object.metadata.name)));
}

/** Jobs, their pods, and the ConfigMap of the source wake a model version. */
export function wireModelVersions(caches: Caches, queue: WorkQueue): void {
  caches.modelVersions.onChange((change, object, old) => {
    if (change !== 'removed' && concernsItself(object, old)) queue.add(selfKey(object));
  });
  caches.jobs.onChange((_, object) => addAll(queue, [ownerKey(object, 'ModelVersion')]));
  caches.pods.onChange((_, object) => addAll(queue, [podKey(object, LABEL.modelVersion)]));
  caches.configMapMetadata.onChange((_, object) => {
    const prefix = `configmap://${object.metadata.name}/`;
    addAll(queue, [...caches.modelVersions.values()].filter((model: ModelVersion) => model.metadata.namespace === object.metadata.namespace && model.spec.source.uri.startsWith(prefix)).map(selfKey));
  });
}

function usersOf(caches: Caches, object: KubeObject, uses: (pipeline: InferencePipeline) => boolean | undefined): string[] {
  return [...caches.pipelines.values()].filter((pipeline) => pipeline.metadata.namespace === object.metadata.namespace && uses(pipeline)).map(selfKey);
}
