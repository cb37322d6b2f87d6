/** What is said of a pod in one word. */
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from './objects.ts';

/** Serves now, and is not on its way out. */
export const isReady = ({ metadata, status }: Stored<Pod>): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false);

/** Of those that are Ready, in an order that does not change. */
export const addressesOf = (pods: Iterable<Stored<Pod>>): string[] =>
  [...pods]
    .filter(isReady)
    .flatMap(({ status }) => status?.podIP ?? [])
    .sort();

/** When it became Ready (milliseconds since the epoch); NaN for one that is not. */
export const readySince = ({ status }: Stored<Pod>): number =>
  Date.parse(
    String(
      status?.conditions?.find(({ type, status: value }) => type === 'Ready' && value === 'True')?.lastTransitionTime,
    ),
  );

/** Its containers have ended for good, as after an eviction; nobody deletes it. */
export const isTerminated = ({ status }: Stored<Pod>): boolean =>
  status?.phase === 'Failed' || status?.phase === 'Succeeded';
