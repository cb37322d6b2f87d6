/** The PodDisruptionBudget of a pipeline and the NetworkPolicy of its pods. */
import { PORT } from '@penstock/contract';
import { LABEL } from '../api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { NetworkAccess } from '../api/renderConfig.ts';
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

/**
 * All clients may reach the endpoint, or the configured ones and the activator. Only the operator and the configured
 * peers may reach the operator port.
 */
export function networkPolicy(
  pipeline: InferencePipeline,
  { operatorNamespace, metricsFrom, requestsFrom }: NetworkAccess,
): KubeObject & { spec: object } {
  const port = (number: number): object => ({ protocol: 'TCP', port: number });
  /** The operator and the activator. */
  const release = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } } };
  const clients = requestsFrom.length > 0 ? { from: [release, ...requestsFrom] } : {};
  const ingress = [
    { ports: [port(PORT.user)], ...clients },
    { ports: [port(PORT.operator)], from: [release, ...metricsFrom] },
  ];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMeta(pipeline, names.networkPolicy(pipeline.metadata.name), {
      [LABEL.pipeline]: pipeline.metadata.name,
    }),
    spec: { podSelector: { matchLabels: podSelector(pipeline.metadata.name) }, policyTypes: ['Ingress'], ingress },
  };
}
