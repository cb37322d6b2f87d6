/** Why pods do not become Ready: one reason and one line, from the pod that has failed most often. */
import { FAILURE } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from '@penstock/kube/api/objects';
import type { PodFailure } from '../api/observed.ts';
import { CONTAINER, isOwnContainer } from '../api/containers.ts';
import { isQuotaExceeded, REASON } from '../api/reasons.ts';

const SCORER_REASONS = new Set<string>(Object.values(FAILURE));
const PULL_REASONS = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']);
const MAX_MESSAGE_LENGTH = 600;

/** White space becomes single blanks, and the text is cut. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, MAX_MESSAGE_LENGTH);

/** A message about a refused pod without the random suffix of its name, so that retries do not change it. */
export const withoutPodSuffix = (refusal: string): string =>
  oneLine(refusal).replace(/pods "([^"]+)-[a-z0-9]{5}"/g, 'pods "$1-*"');

/** Parses a termination message of the scorer, "Reason: message". Undefined for any other text. */
export function parseTermination(text: string | undefined): { reason: string; message: string } | undefined {
  const match = /^([A-Za-z]+): ([\s\S]+)$/.exec(text?.trim() ?? '');
  return match && SCORER_REASONS.has(match[1]!)
    ? { reason: match[1]!, message: oneLine(match[2]!.split('\n')[0]!) }
    : undefined;
}

/** The most frequent failure of these pods, else that of their Deployment; undefined when none has failed. */
export function podFailure(pods: Stored<Pod>[], deployment?: Stored<Deployment>): PodFailure | undefined {
  const failures = pods.flatMap((pod) => failureOf(pod) ?? []).sort((a, b) => b.times - a.times);
  return failures[0] ?? (deployment && replicaFailure(deployment));
}

/** A Deployment that cannot create pods, because of a quota or an admission policy. */
function replicaFailure({ status }: Stored<Deployment>): PodFailure | undefined {
  const failed = status?.conditions?.find(({ type, status: value }) => type === 'ReplicaFailure' && value === 'True');
  if (!failed) return undefined;
  const message = failed.message ?? '';
  return {
    reason: isQuotaExceeded(message) ? REASON.quota : REASON.resourceNotReady,
    message: withoutPodSuffix(message),
    times: 0,
  };
}

function failureOf({ status = {} }: Stored<Pod>): PodFailure | undefined {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const added = containers.filter((container) => !isOwnContainer(container));
  for (const container of [...containers.filter(isOwnContainer), ...added]) {
    const failure = waitingFailure(container) ?? terminatedFailure(container);
    if (failure) return failure;
  }
  return evicted(status) ?? unschedulable(status);
}

type PodStatus = NonNullable<Pod['status']>;

function evicted({ reason, message = 'the pod was evicted' }: PodStatus): PodFailure | undefined {
  return reason === 'Evicted' ? { reason: REASON.crashLoop, message: oneLine(message), times: 1 } : undefined;
}

function unschedulable({ conditions }: PodStatus): PodFailure | undefined {
  const scheduled = conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.reason !== 'Unschedulable') return undefined;
  return { reason: REASON.unschedulable, message: oneLine(scheduled.message ?? 'no node has room'), times: 0 };
}

function waitingFailure({ state, restartCount }: ContainerStatus): PodFailure | undefined {
  const { reason = '', message = reason } = state?.waiting ?? {};
  if (PULL_REASONS.has(reason)) return { reason: REASON.imagePull, message: oneLine(message), times: restartCount };
  return reason === 'CreateContainerConfigError'
    ? { reason: REASON.resourceNotReady, message: oneLine(message), times: restartCount }
    : undefined;
}

/** How a container ended last; undefined once it is Ready again. */
function terminatedFailure({ state, lastState, restartCount, ready, name }: ContainerStatus): PodFailure | undefined {
  if (ready) return undefined;
  const terminated = state?.terminated ?? lastState?.terminated;
  if (!terminated) return restarting(name, restartCount);
  return failureOfRun(name, terminated, restartCount + (state?.terminated ? 1 : 0));
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/** Undefined for a container of ours that ended with exit code 0; a server of the user's own must not end. */
function failureOfRun(name: string, terminated: Terminated, times: number): PodFailure | undefined {
  if (terminated.exitCode === 0 && name !== CONTAINER.server) return undefined;
  if (terminated.reason === 'OOMKilled') return { ...outOfMemory(name), times };
  const { message = '', exitCode } = terminated;
  const parsed = parseTermination(message);
  if (parsed) return { ...parsed, times, ...detailOf(message) };
  return {
    reason: REASON.crashLoop,
    message: oneLine(message) || `container ${name} ended with exit code ${exitCode}`,
    times,
  };
}

/** The kubelet no longer has the termination message of the last run. */
function restarting(name: string, restartCount: number): PodFailure | undefined {
  if (restartCount === 0) return undefined;
  const message = `container ${name} was started again ${restartCount} times`;
  return { reason: REASON.restarting, message, times: restartCount };
}

/** The field that sets the memory limit; a container that is not ours has its limit from elsewhere. */
const MEMORY_LIMIT: Record<string, string> = {
  [CONTAINER.scorer]: ': raise resources.limits.memory',
  [CONTAINER.fetch]: ': raise resources.limits.memory',
  [CONTAINER.install]: ': raise resources.limits.memory',
  [CONTAINER.python]: ': raise resources.limits.memory',
  [CONTAINER.server]: ': raise resources.limits.memory',
  [CONTAINER.verify]: ': raise spec.verification.resources.limits.memory',
};

const outOfMemory = (name: string): Pick<PodFailure, 'reason' | 'message'> => ({
  reason: REASON.outOfMemory,
  message: `container ${name} was killed because it used more than its memory limit${MEMORY_LIMIT[name] ?? ''}`,
});

/** The lines after the first one, as a rule a stack. */
function detailOf(message: string): Pick<PodFailure, 'detail'> {
  const [, ...lines] = message.split('\n');
  const detail = lines.join('\n').trim();
  return detail === '' ? {} : { detail };
}
