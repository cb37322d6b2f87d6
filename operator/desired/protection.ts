/** What guards the pods: a disruption budget, and a network policy that opens just the scorer's two ports. */
import { PORT } from '@penstock/contract';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta, podSelector } from './meta.ts';
import { names } from './names.ts';

/** One pod at a time may be evicted; pods that do not work never block a drain. */
export function disruptionBudget(pipeline: InferencePipeline, revision: string): KubeObject & { spec: object } {
  return {
    apiVersion: 'policy/v1', kind: 'PodDisruptionBudget',
    metadata: childMeta(pipeline, revision, { [LABEL.pipeline]: pipeline.metadata.name, [LABEL.revision]: revision }),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: podSelector(pipeline.metadata.name, revision) } },
  };
}

export function networkPolicy(pipeline: InferencePipeline): KubeObject & { spec: object } {
  const ports = [PORT.user, PORT.operator].map((port) => ({ protocol: 'TCP', port }));
  return {
    apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy',
    metadata: childMeta(pipeline, names.networkPolicy(pipeline.metadata.name), { [LABEL.pipeline]: pipeline.metadata.name }),
    spec: { podSelector: { matchLabels: podSelector(pipeline.metadata.name) }, policyTypes: ['Ingress'], ingress: [{ ports }] },
  };
}
