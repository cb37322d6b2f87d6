/** Kinds of the Kubernetes API, and the path of each. */
import type { KubeObject } from './objects.ts';

export interface Kind {
  apiVersion: string;
  kind: string;
  plural: string;
}

export const kind = (apiVersion: string, name: string, plural: string): Kind => ({ apiVersion, kind: name, plural });

/** The built-in kinds that Penstock reads or writes. */
export const BUILT_IN = {
  configMap: kind('v1', 'ConfigMap', 'configmaps'),
  secret: kind('v1', 'Secret', 'secrets'),
  service: kind('v1', 'Service', 'services'),
  pod: kind('v1', 'Pod', 'pods'),
  persistentVolumeClaim: kind('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  deployment: kind('apps/v1', 'Deployment', 'deployments'),
  autoscaler: kind('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  disruptionBudget: kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  endpointSlice: kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  networkPolicy: kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  job: kind('batch/v1', 'Job', 'jobs'),
  event: kind('events.k8s.io/v1', 'Event', 'events'),
  apiService: kind('apiregistration.k8s.io/v1', 'APIService', 'apiservices'),
  clusterRole: kind('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles'),
  lease: kind('coordination.k8s.io/v1', 'Lease', 'leases'),
} as const;

/** URL path of a collection, of one object in it, or of a subresource. */
export function apiPath(of: Kind, namespace?: string, name?: string, subresource?: string): string {
  const group = of.apiVersion.includes('/') ? `/apis/${of.apiVersion}` : `/api/${of.apiVersion}`;
  return [
    group,
    ...(namespace ? ['namespaces', namespace] : []),
    of.plural,
    ...(name ? [name] : []),
    ...(subresource ? [subresource] : []),
  ].join('/');
}

/** The kind of an object. Throws for an object of none of these kinds. */
export function findKind(kinds: readonly Kind[], object: KubeObject): Kind {
  const found = kinds.find((one) => one.kind === object.kind && one.apiVersion === object.apiVersion);
  if (!found) throw new Error(`unknown kind ${object.apiVersion} ${object.kind}`);
  return found;
}
