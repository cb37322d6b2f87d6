/** The kinds that Penstock reads or writes, and how its client identifies itself to the API server. */
import { BUILT_IN, findKind, kind, type Kind } from '@penstock/kube/api/kinds';
import type { ClientProfile } from '@penstock/kube/api/clientProfile';
import { FIELD_MANAGER } from './labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';

export const KIND = {
  ...BUILT_IN,
  pipeline: kind('penstock.dev/v1alpha1', 'InferencePipeline', 'inferencepipelines'),
  modelVersion: kind('penstock.dev/v1alpha1', 'ModelVersion', 'modelversions'),
} as const;

/** The entry of {@link KIND} for an object; throws for a kind that Penstock does not know. */
export const kindOf = (object: KubeObject): Kind => findKind(Object.values(KIND), object);

export const CLIENT_PROFILE: ClientProfile = {
  kinds: Object.values(KIND),
  fieldManagers: FIELD_MANAGER,
  userAgent: 'penstock-operator',
};
