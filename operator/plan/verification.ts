/** What a ModelVersion needs next: nothing, a verification, or the user. */
import { verifiedModel, type VerifiedModel } from '@penstock/contract';
import type { Job } from 'kubernetes-types/batch/v1.js';
import { LABEL } from '../api/labels.ts';
import { controllerOf, type Stored } from '../api/objects.ts';
import type { ObservedModelVersion, VerificationSlots } from '../api/observed.ts';
import { REASON } from '../api/reasons.ts';
import { configMapSource } from '../desired/fetching.ts';
import { verificationKey } from '../desired/verifyJob.ts';
import { withoutPodSuffix, parseTermination, podFailure } from '../status/podFailures.ts';

const MAX_CONCURRENT = 4;
/** No namespace has all slots. */
const MAX_CONCURRENT_PER_NAMESPACE = 3;
/** A verification takes a slot from other namespaces for so long; from its own until it ends. */
const SHARED_SLOT_MS = 120_000;
const MIN_RETRY_MS = 10_000;
const MAX_RETRY_MS = 300_000;
const REFUSED_AFTER_MS = 3_000;
/** A verification that ends wakes those in the queue; this is the net under it. */
const QUEUE_RECHECK_MS = 15_000;
/** A Job that has had no running pod for this long gives its slot away: it may never get one. */
const POD_START_MS = 30_000;
const VERIFYING = { reason: REASON.verifying, message: 'fetching and verifying the source' };

/** A failure is tried again, later each time: the source may be put right without a word to us. */
export interface Verification {
  ready: boolean;
  reason: string;
  message: string;
  /** Set when this reconcile learned it. */
  result?: VerifiedModel;
  /** Attempt to start now. */
  start?: number;
  /** Finished Jobs of other attempts or sources. */
  prune: Stored<Job>[];
  wakeAfterMs?: number;
}

export function planVerification(seen: ObservedModelVersion): Verification {
  const {
    modelVersion: { spec, status, metadata },
    jobs,
  } = seen;
  const key = verificationKey(seen.modelVersion);
  const mine = jobs
    .filter(({ metadata: { name } }) => name.includes(`-verify-${key.slice(0, 8)}-`))
    .sort((a, b) => attemptOf(a) - attemptOf(b));
  const last = mine.at(-1);
  const before = last && (ended(last) || endOf(seen, last)) ? undefined : mine.at(-2); // says why there is another attempt, until that has ended
  const prune = jobs.filter((job) => job !== last && job !== before);
  if (spec.digest !== undefined && status?.digest !== undefined && spec.digest !== status.digest) {
    return {
      ready: false,
      reason: REASON.digest,
      message: `spec.digest is ${spec.digest}, but the bytes that were verified have ${status.digest}: register the other bytes as another ModelVersion than ${metadata.name}`,
      prune: jobs,
    };
  }
  if (status?.verifiedSource === key && status.digest)
    return { ready: true, reason: REASON.verified, message: '', prune: jobs };
  if (!seen.sourceExists)
    return {
      ready: false,
      reason: REASON.resourceNotReady,
      message: `ConfigMap ${configMapSource(spec.source.uri)?.name ?? ''} does not exist in this namespace`,
      prune: jobs,
    };
  return { ...(last ? fromJob(seen, last, before) : startOrQueue(seen, 1)), prune };
}

const attemptOf = ({ metadata }: Stored<Job>): number => Number(metadata.labels?.[LABEL.attempt] ?? 0);

function startOrQueue({ slots }: ObservedModelVersion, attempt: number): Omit<Verification, 'prune'> {
  const full = noSlot(slots);
  if (full !== undefined) return { ready: false, reason: REASON.queued, message: full, wakeAfterMs: QUEUE_RECHECK_MS };
  return { ready: false, ...VERIFYING, start: attempt };
}

/** Why no verification may start now: all slots are taken, or it is the turn of a namespace with fewer of them. */
function noSlot({ taken, takenHere, fewestElsewhere = Infinity }: VerificationSlots): string | undefined {
  if (taken >= MAX_CONCURRENT) return `${taken} verifications run already`;
  if (takenHere >= MAX_CONCURRENT_PER_NAMESPACE) return `${takenHere} verifications of this namespace run already`;
  return fewestElsewhere < takenHere
    ? `${takenHere} verifications of this namespace run already, and another namespace waits with fewer`
    : undefined;
}

/** Counts the Jobs of model versions that hold a slot, for a model version of `namespace`; `queued` are the namespaces of those that wait for one. */
export function slotsFor(
  namespace: string,
  jobs: Stored<Job>[],
  queued: Iterable<string>,
  now: number,
): VerificationSlots {
  const held = jobs.filter((job) => holdsSlot(job, now));
  const takenIn = (one: string): number => held.filter(({ metadata }) => metadata.namespace === one).length;
  const elsewhere = held.filter(
    ({ metadata }) =>
      metadata.namespace !== namespace && now - Date.parse(metadata.creationTimestamp ?? '') < SHARED_SLOT_MS,
  );
  const others = [...new Set(queued)].filter((one) => one !== namespace).map(takenIn);
  return {
    taken: takenIn(namespace) + elsewhere.length,
    takenHere: takenIn(namespace),
    ...(others.length > 0 && { fewestElsewhere: Math.min(...others) }),
  };
}

function fromJob(
  seen: ObservedModelVersion,
  job: Stored<Job>,
  before: Stored<Job> | undefined,
): Omit<Verification, 'prune'> {
  const end = endOf(seen, job);
  if (end?.exitCode === 0) return succeeded(end.message);
  const failure = failureOf(seen, job);
  if (failure) return { ready: false, ...failure, ...retry(seen, job) };
  return unfinished(seen, job, before && failureOf(seen, before));
}

/** The pods that the Job of this uid controls: every account that makes pods can set their labels. */
const podsOf = (pods: ObservedModelVersion['pods'], job: Stored<Job>): ObservedModelVersion['pods'] =>
  pods.filter((pod) => {
    const controller = controllerOf(pod);
    return controller?.kind === 'Job' && controller.uid === job.metadata.uid;
  });

const endOf = (seen: ObservedModelVersion, job: Stored<Job>) =>
  podsOf(seen.pods, job).flatMap(({ status }) => status?.containerStatuses?.[0]?.state?.terminated ?? [])[0];

/** Why an attempt has failed; undefined while it has not. */
function failureOf(seen: ObservedModelVersion, job: Stored<Job>): { reason: string; message: string } | undefined {
  const end = endOf(seen, job);
  const finished = job.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  if (!end && !finished) return undefined;
  const { reason, message } = parseTermination(end?.message) ??
    podFailure(podsOf(seen.pods, job)) ?? {
      reason: REASON.verificationFailed,
      message: finished?.message ?? 'the verification Job failed',
    };
  return { reason, message };
}

function succeeded(message: string | undefined): Omit<Verification, 'prune'> {
  const result = verifiedModel(message);
  return result
    ? { ready: true, reason: REASON.verified, message: '', result }
    : {
        ready: false,
        reason: REASON.verificationFailed,
        message: 'the verification Job ended without a readable result',
      };
}

/** A pod that cannot even be made: nobody tells but the Job's events. What the attempt `before` failed by stands until this one knows better. */
function unfinished(
  seen: ObservedModelVersion,
  job: Stored<Job>,
  before: { reason: string; message: string } | undefined,
): Omit<Verification, 'prune'> {
  const { refusal, now } = seen;
  const pods = podsOf(seen.pods, job);
  const failure = podFailure(pods);
  if (failure) return { ready: false, reason: failure.reason, message: failure.message };
  if (refusal !== undefined)
    return {
      ready: false,
      reason: /exceeded quota|failed quota/.test(refusal) ? REASON.quota : REASON.verificationFailed,
      message: withoutPodSuffix(refusal),
      wakeAfterMs: MAX_RETRY_MS / 10,
    };
  const age = now - Date.parse(job.metadata.creationTimestamp ?? '');
  const wake = pods.length === 0 && age < 10 * REFUSED_AFTER_MS ? { wakeAfterMs: REFUSED_AFTER_MS } : {};
  return { ready: false, ...(before ?? VERIFYING), ...wake };
}

const ended = ({ status }: Stored<Job>): boolean =>
  status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') ?? false;

/** Whether a Job counts among those that run at a time. */
const holdsSlot = (job: Stored<Job>, now: number): boolean =>
  !ended(job) &&
  ((job.status?.ready ?? 0) > 0 || now - Date.parse(job.metadata.creationTimestamp ?? '') < POD_START_MS);

/** True when the Job has had time for a pod and has none among its ModelVersion's: its events are worth a look. */
export const looksRefused = (job: Stored<Job>, pods: ObservedModelVersion['pods'], now: number): boolean =>
  podsOf(pods, job).length === 0 &&
  (job.status?.conditions ?? []).length === 0 &&
  now - Date.parse(job.metadata.creationTimestamp ?? '') >= REFUSED_AFTER_MS - 500;

function retry(seen: ObservedModelVersion, job: Stored<Job>): Pick<Verification, 'start' | 'wakeAfterMs'> {
  const attempt = attemptOf(job);
  const endedAt = Date.parse(job.status?.conditions?.[0]?.lastTransitionTime ?? job.metadata.creationTimestamp ?? '');
  const left = endedAt + Math.min(MIN_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS) - seen.now;
  if (left > 0) return { wakeAfterMs: left };
  return noSlot(seen.slots) !== undefined ? { wakeAfterMs: QUEUE_RECHECK_MS } : { start: attempt + 1 };
}
