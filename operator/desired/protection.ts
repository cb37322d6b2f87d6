/** What guards the pods: a disruption budget, and a network policy for the scorer's two ports. */
import { PORT } from '@penstock/contract';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import type { NetworkAccess } from '../api/observed.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta, podSelector } from './meta.ts';
import { names } from './names.ts';

/** One pod at a time may be evicted; pods that do not work never block a drain. */
export function disruptionBudget(pipeline: InferencePipeline, revision: string): KubeObject & { spec: object } {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: childMeta(pipeline, revision, { [LABEL.pipeline]: pipeline.metadata.name, [LABEL.revision]: revision }),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: podSelector(pipeline.metadata.name, revision) },
    },
  };
}

/** The endpoint is open to all, the port with metrics and figures to the operator and to those who are named. */
export function networkPolicy(
  pipeline: InferencePipeline,
  { operatorNamespace, metricsFrom }: NetworkAccess,
): KubeObject & { spec: object } {
  const port = (number: number): object => ({ protocol: 'TCP', port: number });
  const operator = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } } };
  const ingress = [{ ports: [port(PORT.user)] }, { ports: [port(PORT.operator)], from: [operator, ...metricsFrom] }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMeta(pipeline, names.networkPolicy(pipeline.metadata.name), {
      [LABEL.pipeline]: pipeline.metadata.name,
    }),
    spec: { podSelector: { matchLabels: podSelector(pipeline.metadata.name) }, policyTypes: ['Ingress'], ingress },
  };
}
