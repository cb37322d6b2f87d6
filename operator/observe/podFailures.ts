/** From pods to one human line: why a revision does not come up. The worst pod speaks, not the first one. */
import { FAILURE } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from '../api/objects.ts';
import type { PodFailure } from '../api/observed.ts';
import { isQuotaExceeded, REASON } from '../api/reasons.ts';

const KNOWN = new Set<string>(Object.values(FAILURE));
const PULL_PROBLEMS = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']);
const MESSAGE_LENGTH = 600;

/** One line, cut, without control characters. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, MESSAGE_LENGTH);

/** Refusals name the pod, which is another each time it is tried: a message that lasts leaves the changing part out. */
export const withoutPodSuffix = (refusal: string): string =>
  oneLine(refusal).replace(/pods "([^"]+)-[a-z0-9]{5}"/g, 'pods "$1-*"');

/** Splits "Reason: message" as the scorer writes it; undefined for anything else. */
export function parseTermination(text: string | undefined): { reason: string; message: string } | undefined {
  const match = /^([A-Za-z]+): ([\s\S]+)$/.exec(text?.trim() ?? '');
  return match && KNOWN.has(match[1]!) ? { reason: match[1]!, message: oneLine(match[2]!.split('\n')[0]!) } : undefined;
}

/** The failure that explains most why these pods are not Ready; undefined when none has failed. */
export function podFailure(pods: Stored<Pod>[], deployment?: Stored<Deployment>): PodFailure | undefined {
  const failures = pods.flatMap((pod) => failureOf(pod) ?? []).sort((a, b) => b.times - a.times);
  return failures[0] ?? (deployment && replicaFailure(deployment));
}

/** A Deployment that may not make pods at all: quota, or an admission that refuses them. */
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
  for (const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
    const failure = waitingFailure(container) ?? endedFailure(container);
    if (failure) return failure;
  }
  if (status.reason === 'Evicted')
    return { reason: REASON.crashLoop, message: oneLine(status.message ?? 'the pod was evicted'), times: 1 };
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.reason === 'Unschedulable'
    ? { reason: REASON.unschedulable, message: oneLine(scheduled.message ?? 'no node has room'), times: 0 }
    : undefined;
}

function waitingFailure({ state, restartCount }: ContainerStatus): PodFailure | undefined {
  const { reason = '', message = reason } = state?.waiting ?? {};
  if (PULL_PROBLEMS.has(reason)) return { reason: REASON.imagePull, message: oneLine(message), times: restartCount };
  return reason === 'CreateContainerConfigError'
    ? { reason: REASON.resourceNotReady, message: oneLine(message), times: restartCount }
    : undefined;
}

/** How a container ended last; forgotten as soon as it is Ready again. */
function endedFailure({ state, lastState, restartCount, ready, name }: ContainerStatus): PodFailure | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ready || ended?.exitCode === 0) return undefined;
  if (!ended)
    return restartCount > 0
      ? {
          reason: REASON.restarting,
          message: `container ${name} was started again ${restartCount} times`,
          times: restartCount,
        }
      : undefined;
  const times = restartCount + (state?.terminated ? 1 : 0);
  if (ended.reason === 'OOMKilled')
    return {
      reason: REASON.outOfMemory,
      message: `container ${name} was killed because it used more than its memory limit: raise resources.limits.memory`,
      times,
    };
  const said = parseTermination(ended.message);
  return said
    ? { ...said, times, ...detailOf(ended.message) }
    : {
        reason: REASON.crashLoop,
        message: oneLine(ended.message ?? '') || `container ${name} ended with exit code ${ended.exitCode}`,
        times,
      };
}

/** What stands below the first line: a stack, as a rule. */
function detailOf(message = ''): Pick<PodFailure, 'detail'> {
  const [, ...lines] = message.split('\n');
  const detail = lines.join('\n').trim();
  return detail === '' ? {} : { detail };
}
