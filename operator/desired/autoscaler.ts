/** The HorizontalPodAutoscaler of a revision. */
import type { HorizontalPodAutoscaler, MetricSpec } from 'kubernetes-types/autoscaling/v2.js';
import { mainContainer } from '../api/containers.ts';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { Revision } from '../api/observed.ts';
import { PODS_METRIC } from '../api/podsMetric.ts';
import type { Effective, EffectiveMetric, InferencePipeline } from '../api/types.gen.ts';
import { durationSeconds } from '../api/units.ts';
import { childMeta } from './meta.ts';

/**
 * Scaling up is immediate: at most twice the pods or four more in each period. Scaling down waits for scaleDownDelay.
 */
export function autoscaler(
  pipeline: InferencePipeline,
  { name: revision, record }: Pick<Revision, 'name' | 'record'>,
  effective: Effective,
  metrics: EffectiveMetric[],
): Stored<HorizontalPodAutoscaler> {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: childMeta(pipeline, revision, { [LABEL.pipeline]: pipeline.metadata.name, [LABEL.revision]: revision }),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: revision },
      minReplicas: minPods(effective),
      maxReplicas: effective.maxReplicas,
      metrics: metrics.map((metric) => metricSpec(metric, mainContainer(record))),
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: 'Max',
          policies: [
            { type: 'Percent', value: 100, periodSeconds: 15 },
            { type: 'Pods', value: 4, periodSeconds: 15 },
          ],
        },
        scaleDown: {
          stabilizationWindowSeconds: durationSeconds(effective.scaleDownDelay),
          selectPolicy: 'Max',
          policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
        },
      },
    },
  };
}

function metricSpec({ type, averageValue, averageUtilization = 0 }: EffectiveMetric, container: string): MetricSpec {
  // Of one container: the proxy of a service mesh may have no request, and then the pod's utilization is unknown.
  if (type === 'CPU')
    return {
      type: 'ContainerResource',
      containerResource: {
        name: 'cpu',
        container,
        target: { type: 'Utilization', averageUtilization },
      },
    };
  return {
    type: 'Pods',
    pods: {
      metric: { name: PODS_METRIC.concurrency },
      target: { type: 'AverageValue', averageValue: String(averageValue) },
    },
  };
}

/**
 * The smallest number of replicas while there are pods. The autoscaler does not make the last step to zero and does not
 * exist at zero (ADR 12).
 */
export const minPods = ({ minReplicas }: Effective): number => Math.max(minReplicas, 1);

/** True for a pipeline with a fixed number of pods, which has no autoscaler. */
export const isAutoscaled = (effective: Effective): boolean => minPods(effective) < effective.maxReplicas;
