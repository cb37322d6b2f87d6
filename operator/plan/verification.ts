/** What a ModelVersion needs next: nothing, a verification, or the user. */
import { configMapSource, verifiedModel } from '@penstock/contract';
import type { JobState, ObservedModelVersion, VerificationSlots } from '../api/observed.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import type { Verification } from '../api/plan.ts';
import { isQuotaExceeded, REASON } from '../api/reasons.ts';
import { jobHash, verificationKey } from '../desired/verifyJob.ts';

const MAX_CONCURRENT = 4;
/** One namespace never has all slots. */
const MAX_CONCURRENT_PER_NAMESPACE = 3;
const MIN_RETRY_MS = 10_000;
const MAX_RETRY_MS = 300_000;
/** A Job without a pod is looked at again after this long. */
const POD_POLL_MS = 3_000;
/** A Job without a pod is polled for this long. */
const POD_POLL_UNTIL_MS = 30_000;
/** A verification that ends wakes the queued ones; this poll covers a missed wake-up. */
const QUEUE_POLL_MS = 15_000;
const REFUSED_POLL_MS = 30_000;
const VERIFYING = { reason: REASON.verifying, message: 'fetching and verifying the source' };

type Finding = Omit<Verification, 'prune'>;
type Check = (seen: ObservedModelVersion) => Finding | undefined;

/** In this order; a finding ends the verification, and all its Jobs are deleted. */
const CHECKS: readonly Check[] = [digestChanged, alreadyVerified, sourceMissing];

export function planVerification(seen: ObservedModelVersion, config: RenderConfig): Verification {
  const { last, before } = currentJobs(seen, config);
  for (const check of CHECKS) {
    const finding = check(seen);
    if (finding) return { ...finding, prune: seen.jobs.map(({ job }) => job) };
  }
  const finding = last ? fromJob(seen, last, before) : startOrQueue(seen, 1);
  // A Job with a result is deleted, too: the proxy of a service mesh would keep its pod running.
  const kept = finding.result ? [] : [last, before];
  return { ...finding, prune: seen.jobs.filter((job) => !kept.includes(job)).map(({ job }) => job) };
}

/**
 * The Job of the newest attempt for the source as it is now; and the one before it, which says why there is a further
 * attempt, until the newest ends.
 */
function currentJobs(
  { modelVersion, jobs }: ObservedModelVersion,
  config: RenderConfig,
): { last?: JobState; before?: JobState | undefined } {
  const prefix = `-verify-${jobHash(modelVersion, config)}-`;
  const current = jobs.filter(({ job }) => job.metadata.name.includes(prefix)).sort((a, b) => a.attempt - b.attempt);
  const last = current.at(-1);
  if (!last) return {};
  return { last, before: last.finished || last.exit ? undefined : current.at(-2) };
}

function digestChanged({ modelVersion: { spec, status, metadata } }: ObservedModelVersion): Finding | undefined {
  if (spec.digest === undefined || status?.digest === undefined || spec.digest === status.digest) return undefined;
  return {
    ready: false,
    reason: REASON.digest,
    message: `spec.digest is ${spec.digest}, but the bytes that were verified have ${status.digest}: register the other bytes as another ModelVersion than ${metadata.name}`,
  };
}

function alreadyVerified({ modelVersion }: ObservedModelVersion): Finding | undefined {
  const { verifiedSource, digest } = modelVersion.status ?? {};
  if (verifiedSource !== verificationKey(modelVersion) || !digest) return undefined;
  return { ready: true, reason: REASON.verified, message: '' };
}

function sourceMissing({ modelVersion: { spec }, sourceExists }: ObservedModelVersion): Finding | undefined {
  if (sourceExists) return undefined;
  return {
    ready: false,
    reason: REASON.resourceNotReady,
    message: `ConfigMap ${configMapSource(spec.source.uri)?.name ?? ''} does not exist in this namespace`,
  };
}

function startOrQueue({ slots }: ObservedModelVersion, attempt: number): Finding {
  const full = noSlot(slots);
  if (full !== undefined) return { ready: false, reason: REASON.queued, message: full, wakeAfterMs: QUEUE_POLL_MS };
  return { ready: false, ...VERIFYING, start: attempt };
}

/** Why no verification may start now: all slots are taken, or a namespace with fewer verifications is next. */
function noSlot({ taken, takenHere, fewestElsewhere = Infinity }: VerificationSlots): string | undefined {
  if (taken >= MAX_CONCURRENT) return `${taken} verifications run already`;
  if (takenHere >= MAX_CONCURRENT_PER_NAMESPACE) return `${takenHere} verifications of this namespace run already`;
  return fewestElsewhere < takenHere
    ? `${takenHere} verifications of this namespace run already, and another namespace waits with fewer`
    : undefined;
}

function fromJob(seen: ObservedModelVersion, last: JobState, before: JobState | undefined): Finding {
  if (last.exit?.code === 0) return succeeded(last.exit.message);
  if (last.failure) return { ready: false, ...last.failure, ...retry(seen, last) };
  return unfinished(seen, last, before?.failure);
}

function succeeded(message: string | undefined): Finding {
  const result = verifiedModel(message);
  if (result) return { ready: true, reason: REASON.verified, message: '', result };
  const unreadable = 'the verification Job ended without a readable result';
  return { ready: false, reason: REASON.verificationFailed, message: unreadable };
}

/**
 * A Job that still runs, or whose pod cannot be created. Until it knows more, the failure of the attempt before it is
 * shown.
 */
function unfinished(
  { refusal, now }: ObservedModelVersion,
  { job, hasPods, podFailure }: JobState,
  before: { reason: string; message: string } | undefined,
): Finding {
  if (podFailure) return { ready: false, reason: podFailure.reason, message: podFailure.message };
  if (refusal !== undefined)
    return {
      ready: false,
      reason: isQuotaExceeded(refusal) ? REASON.quota : REASON.verificationFailed,
      message: refusal,
      wakeAfterMs: REFUSED_POLL_MS,
    };
  const age = now - Date.parse(job.metadata.creationTimestamp ?? '');
  const poll = !hasPods && age < POD_POLL_UNTIL_MS ? { wakeAfterMs: POD_POLL_MS } : {};
  return { ready: false, ...(before ?? VERIFYING), ...poll };
}

/** The next attempt: later after each failure, because a source may be repaired without any event. */
function retry(
  { slots, now }: ObservedModelVersion,
  { job, attempt, endedAt = job.metadata.creationTimestamp ?? '' }: JobState,
): Pick<Finding, 'start' | 'wakeAfterMs'> {
  const left = Date.parse(endedAt) + Math.min(MIN_RETRY_MS * 2 ** (attempt - 1), MAX_RETRY_MS) - now;
  if (left > 0) return { wakeAfterMs: left };
  return noSlot(slots) !== undefined ? { wakeAfterMs: QUEUE_POLL_MS } : { start: attempt + 1 };
}
