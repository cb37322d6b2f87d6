/** What is known of one revision's pods, in one value. */
import { LABEL } from '../api/labels.ts';
import type { ObservedPipeline } from '../api/observed.ts';
import { isTerminated, isReady } from '../api/pods.ts';
import { podFailure, type PodFailure } from '../status/podFailures.ts';

export interface Facts {
  /** There is a Deployment. */
  exists: boolean;
  replicas: number;
  ready: number;
  /** Pods that are there in any state, dying ones too. */
  pods: number;
  failure?: PodFailure;
  deadlineExceeded: boolean;
  hasAutoscaler: boolean;
}

export function factsOf(seen: ObservedPipeline, name: string): Facts {
  const deployment = seen.deployments.find(({ metadata }) => metadata.name === name);
  const pods = seen.pods.filter(({ metadata }) => metadata.labels?.[LABEL.revision] === name);
  const { conditions = [] } = deployment?.status ?? {};
  const replicas = deployment?.spec?.replicas ?? 0;
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const living = staying.filter((pod) => !isTerminated(pod));
  const failure = podFailure(living.length > 0 || replicas === 0 ? living : staying, deployment); // one that was evicted is news until another comes in its place
  return {
    exists: deployment !== undefined,
    replicas,
    ready: Math.min(pods.filter(isReady).length, replicas), // the Deployment's own status lags behind its count
    pods: pods.filter((pod) => !isTerminated(pod)).length, // nobody deletes those of a ReplicaSet at 0
    ...(failure && { failure }),
    deadlineExceeded: conditions.some(
      ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
    ),
    hasAutoscaler: seen.autoscalers.some(({ metadata }) => metadata.name === name),
  };
}
