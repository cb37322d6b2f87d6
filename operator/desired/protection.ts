/** The PodDisruptionBudget of a pipeline and the NetworkPolicy of its pods. */
import { PORT } from '@penstock/contract';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { NetworkAccess } from '../api/observed.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta, podSelector } from './meta.ts';
import { names } from './names.ts';

/** One pod at a time may be evicted. Pods that are not Ready never block a drain. */
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

/** All clients may reach the endpoint. Only the operator and the configured peers may reach the operator port. */
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
