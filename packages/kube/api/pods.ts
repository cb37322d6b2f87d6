/** Predicates of pods. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from './objects.ts';

/** The pod is Ready and is not being deleted. */
export const isReady = ({ metadata, status }: Stored<Pod>): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false);

/** The IP addresses of the Ready pods, sorted. */
export const addressesOf = (pods: Iterable<Stored<Pod>>): string[] =>
  [...pods]
    .filter(isReady)
    .flatMap(({ status }) => status?.podIP ?? [])
    .sort();

/** When the pod became Ready (milliseconds since the epoch). NaN for a pod that is not Ready. */
export const readySince = ({ status }: Stored<Pod>): number =>
  Date.parse(
    String(
      status?.conditions?.find(({ type, status: value }) => type === 'Ready' && value === 'True')?.lastTransitionTime,
    ),
  );

/** The pod's containers have ended for good, for example after an eviction. Kubernetes keeps such pods for a while. */
export const isTerminated = ({ status }: Stored<Pod>): boolean =>
  status?.phase === 'Failed' || status?.phase === 'Succeeded';
