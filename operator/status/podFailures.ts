/** From pods to one human line: why a revision does not come up. The worst pod speaks, not the first one. */
import { FAILURE } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from '../api/objects.ts';
import { REASON } from '../api/reasons.ts';

export interface PodFailure {
  reason: string;
  message: string;
  /** How often the container ended with this failure. */
  times: number;
}

const KNOWN = new Set<string>(Object.values(FAILURE));
const PULL_PROBLEMS = new Set(['ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'ErrImageNeverPull']);
const MESSAGE_LENGTH = 600;

/** One line, cut, without control characters. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, MESSAGE_LENGTH);

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
  return { reason: /exceeded quota|failed quota/.test(message) ? REASON.quota : REASON.resourceNotReady, message: oneLine(message), times: 0 };
}

function failureOf(pod: Stored<Pod>): PodFailure | undefined {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const status of statuses) {
    const failure = containerFailure(status);
    if (failure) return failure;
  }
  if (pod.status?.reason === 'Evicted') return { reason: REASON.crashLoop, message: oneLine(pod.status.message ?? 'the pod was evicted'), times: 1 };
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return scheduled?.status === 'False' && scheduled.reason === 'Unschedulable' ? { reason: REASON.unschedulable, message: oneLine(scheduled.message ?? 'no node has room'), times: 0 } : undefined;
}

function containerFailure({ state, lastState, restartCount, ready, name }: ContainerStatus): PodFailure | undefined {
  const waiting = state?.waiting;
  if (waiting && PULL_PROBLEMS.has(waiting.reason ?? '')) return { reason: REASON.imagePull, message: oneLine(waiting.message ?? waiting.reason!), times: restartCount };
  if (waiting?.reason === 'CreateContainerConfigError') return { reason: REASON.resourceNotReady, message: oneLine(waiting.message ?? ''), times: restartCount };
  const ended = state?.terminated ?? lastState?.terminated;
  if (!ended || ended.exitCode === 0 || ready) return undefined;
  const times = restartCount + (state?.terminated ? 1 : 0);
  if (ended.reason === 'OOMKilled') return { reason: REASON.outOfMemory, message: `container ${name} was killed because it used more than its memory limit: raise resources.limits.memory`, times };
  const said = parseTermination(ended.message);
  if (said) return { ...said, times };
  const message = oneLine(ended.message ?? '') || `container ${name} ended with exit code ${ended.exitCode}`;
  return { reason: REASON.crashLoop, message, times };
}
