/**
 * Which operator manages an object, where the releases of several operators watch its namespace. They agree through
 * `status.operator`: the first one has the claim, and another one may contend for it. An operator that runs refuses the
 * contender. A claim without an answer passes to the contender. Pure.
 */
import type { OperatorClaim } from '../api/types.gen.ts';
import { msSince, timestamp } from '../api/units.ts';

/** Within this time, the operator with the claim answers. */
const ANSWER_MS = 60_000;
/**
 * After a refusal, an operator contends again when this time has passed. The one with the claim may be uninstalled by
 * then.
 */
const REFUSED_MS = 600_000;
/** A contender that does not come back in this time is removed from the claim. */
const FORGOTTEN_MS = 3 * REFUSED_MS;

/** Whether the operator manages the object, and the claim to write: the given object where nothing changes. */
export type ClaimDecision =
  { isMine: true; claim: OperatorClaim } | { isMine: false; claim: OperatorClaim; wakeAfterMs: number };

/** `own` is the namespace of the operator that asks. */
export function decideClaim(claim: OperatorClaim | undefined, own: string, now: number): ClaimDecision {
  if (claim === undefined || claim.namespace === own) return { isMine: true, claim: defended(claim, own, now) };
  const { contender } = claim;
  const leftMs = contender ? msLeft(contender, now) : 0;
  if (leftMs > 0) return { isMine: false, claim, wakeAfterMs: leftMs };
  if (contender?.namespace === own && contender.refusedAt === undefined)
    return { isMine: true, claim: { namespace: own } };
  const contended = { namespace: claim.namespace, contender: { namespace: own, since: timestamp(now) } };
  return { isMine: false, claim: contended, wakeAfterMs: ANSWER_MS };
}

/**
 * How long the claim is settled: until an answer is due, or until another operator may contend again. Both count from
 * the time that the contender wrote, whose clock may differ from that of the other operator.
 */
const msLeft = ({ since, refusedAt }: NonNullable<OperatorClaim['contender']>, now: number): number =>
  (refusedAt === undefined ? ANSWER_MS : REFUSED_MS) - msSince(since, now);

function defended(claim: OperatorClaim | undefined, own: string, now: number): OperatorClaim {
  const contender = claim?.contender;
  if (!claim || !contender) return claim ?? { namespace: own };
  if (contender.refusedAt === undefined)
    return { namespace: own, contender: { ...contender, refusedAt: timestamp(now) } };
  return msSince(contender.refusedAt, now) > FORGOTTEN_MS ? { namespace: own } : claim;
}
