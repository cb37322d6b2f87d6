/** The state of each revision: what its Deployment, pods, autoscaler and traffic entry say. */
import { isJsonObject, parsedJson } from '@penstock/contract';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import type { ObservedPipeline, RevisionState } from '../api/observed.ts';
import { isReady, isTerminated } from '@penstock/kube/api/pods';
import { podFailure } from './podFailures.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { Deployment } from 'kubernetes-types/apps/v1.js';

type Children = Pick<ObservedPipeline, 'deployments' | 'autoscalers' | 'pods'>;

/** The states of all revisions that have a Deployment or pods, by name. */
export function revisionStates(seen: Children): Record<string, RevisionState> {
  const names = new Set([
    ...seen.deployments.map(({ metadata }) => metadata.name),
    ...seen.pods.flatMap(({ metadata }) => metadata.labels?.[LABEL.revision] ?? []),
  ]);
  return Object.fromEntries([...names].map((name) => [name, revisionState(seen, name)]));
}

function revisionState({ deployments, autoscalers, pods: all }: Children, name: string): RevisionState {
  const deployment = deployments.find(({ metadata }) => metadata.name === name);
  const pods = all.filter(({ metadata }) => metadata.labels?.[LABEL.revision] === name);
  const replicas = deployment?.spec?.replicas ?? 0;
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const running = staying.filter((pod) => !isTerminated(pod));
  // The failure of a terminated pod counts only while there is no replacement for it.
  const failure = podFailure(running.length > 0 || replicas === 0 ? running : staying, deployment);
  return {
    exists: deployment !== undefined,
    replicas,
    // The Deployment's own status lags behind its replica count.
    ready: Math.min(pods.filter(isReady).length, replicas),
    // Failed and Succeeded pods of a ReplicaSet at 0 are never garbage-collected: they do not count.
    pods: pods.filter((pod) => !isTerminated(pod)).length,
    ...(failure && { failure }),
    deadlineExceeded: deadlineExceeded(deployment),
    hasAutoscaler: autoscalers.some(({ metadata }) => metadata.name === name),
    stepwise: stepwiseOf(deployment),
  };
}

const deadlineExceeded = (deployment: Stored<Deployment> | undefined): boolean =>
  (deployment?.status?.conditions ?? []).some(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  );

/** Undefined for a candidate that gets all its pods at once, and for an annotation that another account has edited. */
function stepwiseOf(deployment: Stored<Deployment> | undefined): RevisionState['stepwise'] {
  const value = parsedJson(deployment?.metadata.annotations?.[ANNOTATION.stepwise] ?? '');
  if (!isJsonObject(value) || !Number.isSafeInteger(value.size)) return undefined;
  return Number.isNaN(Date.parse(String(value.since)))
    ? undefined
    : { size: Number(value.size), since: String(value.since) };
}
