/** What the verification Jobs of ModelVersions say, and how many of them run. */
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import { CONTAINER } from '../api/containers.ts';
import { LABEL } from '../api/labels.ts';
import { controllerOf, type Stored } from '@penstock/kube/api/objects';
import type { JobState, PodFailure, VerificationSlots } from '../api/observed.ts';
import { REASON } from '../api/reasons.ts';
import { parseTermination, podFailure } from './podFailures.ts';

/** A Job that has had no running pod for this long releases its slot, because it may never get one. */
const POD_START_MS = 30_000;
/** A verification takes a slot from other namespaces for this long; from its own namespace until it ends. */
const SHARED_SLOT_MS = 120_000;
/** A Job without a pod after this long: its events may say why. */
const REFUSED_AFTER_MS = 2_500;

/** `pods`: all pods with the labels of the ModelVersion; any account that may create pods can set those. */
export function jobState(job: Stored<Job>, pods: Stored<Pod>[]): JobState {
  const own = pods.filter((pod) => isControlledBy(pod, job));
  const exit = own.flatMap(({ status }) => verifyContainer(status)?.state?.terminated ?? [])[0];
  const waiting = podFailure(own);
  return {
    job,
    attempt: Number(job.metadata.labels?.[LABEL.attempt] ?? 0),
    hasPods: own.length > 0,
    finished: isFinished(job),
    ...(exit && { exit: { code: exit.exitCode, ...(exit.message !== undefined && { message: exit.message }) } }),
    ...failureOf(job, exit, waiting),
    ...(waiting && { podFailure: waiting }),
  };
}

/** By name: the proxy of a service mesh may sort first, and runs on when the verification has ended. */
const verifyContainer = (status: Pod['status']) =>
  status?.containerStatuses?.find(({ name }) => name === CONTAINER.verify);

function isControlledBy(pod: Stored<Pod>, job: Stored<Job>): boolean {
  const controller = controllerOf(pod);
  return controller?.kind === 'Job' && controller.uid === job.metadata.uid;
}

const failedCondition = ({ status }: Stored<Job>) =>
  status?.conditions?.find(({ type, status: value }) => type === 'Failed' && value === 'True');

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

/**
 * What a Job has failed with, if it has ended: the scorer's own words, else those of its pod, else those of the Job.
 */
function failureOf(
  job: Stored<Job>,
  exit: Terminated | undefined,
  waiting: PodFailure | undefined,
): Pick<JobState, 'failure' | 'endedAt'> {
  const condition = failedCondition(job);
  if (!exit && !condition) return {};
  const { reason, message } = parseTermination(exit?.message) ?? waiting ?? wordsOf(condition);
  return { failure: { reason, message }, endedAt: exit?.finishedAt ?? condition?.lastTransitionTime };
}

const wordsOf = (condition: { message?: string } | undefined): { reason: string; message: string } => ({
  reason: REASON.verificationFailed,
  message: condition?.message ?? 'the verification Job failed',
});

const isFinished = ({ status }: Stored<Job>): boolean =>
  status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') ?? false;

const ageMs = ({ metadata }: Stored<Job>, now: number): number => now - Date.parse(metadata.creationTimestamp ?? '');

/** Whether the Job has had time for a pod and has none, so that its events are worth a read. */
export const looksRefused = ({ job, hasPods }: JobState, now: number): boolean =>
  !hasPods && (job.status?.conditions ?? []).length === 0 && ageMs(job, now) >= REFUSED_AFTER_MS;

const holdsSlot = (job: Stored<Job>, now: number): boolean =>
  !isFinished(job) && ((job.status?.ready ?? 0) > 0 || ageMs(job, now) < POD_START_MS);

/**
 * Counts the slots that are taken, for a ModelVersion of `namespace`. `jobs`: the Jobs of all ModelVersions. `queued`:
 * the namespaces of the ModelVersions that wait for a slot.
 */
export function verificationSlots(
  namespace: string,
  jobs: Stored<Job>[],
  queued: Iterable<string>,
  now: number,
): VerificationSlots {
  const held = jobs.filter((job) => holdsSlot(job, now));
  const takenIn = (one: string): number => held.filter(({ metadata }) => metadata.namespace === one).length;
  const elsewhere = held.filter((job) => job.metadata.namespace !== namespace && ageMs(job, now) < SHARED_SLOT_MS);
  const others = [...new Set(queued)].filter((one) => one !== namespace).map(takenIn);
  return {
    taken: takenIn(namespace) + elsewhere.length,
    takenHere: takenIn(namespace),
    ...(others.length > 0 && { fewestElsewhere: Math.min(...others) }),
  };
}
