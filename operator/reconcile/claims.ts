/** What the claim of an operator on an object means for a reconcile. plan/claim.ts has the rules. */
import type { Result } from '@penstock/kube/controller/result';
import type { Claimed } from '../api/observed.ts';
import { REASON } from '../api/reasons.ts';
import { writeStatus } from '../apply/status.ts';
import { decideClaim } from '../plan/claim.ts';
import type { Deps } from './deps.ts';

/**
 * Undefined where this operator manages the object. Else the reconcile ends with the result: only the claim is written.
 * The answer to a contender, and a claim that passes to this operator, are written before anything else is done.
 */
export async function settleClaim(object: Claimed, deps: Deps): Promise<Result | undefined> {
  const stored = object.status?.operator;
  const decision = decideClaim(stored, deps.config.namespace, deps.now());
  const { claim } = decision;
  const isSettled = stored === undefined || stored === claim;
  if (decision.isMine && isSettled) return undefined;
  await writeStatus(object, { ...object.status, operator: claim }, deps.kube);
  if (decision.isMine) return { next: 'after', ms: 0 };
  if (claim.contender?.refusedAt !== undefined)
    deps.events.publish(object, {
      type: 'Warning',
      reason: REASON.managedElsewhere,
      note: `the operator in namespace ${claim.namespace} manages this object, and the one in namespace ${deps.config.namespace} leaves it alone: uninstall one of the two releases, or give both watchNamespaces without a common namespace`,
    });
  return { next: 'after', ms: decision.wakeAfterMs };
}

/**
 * Writes the status of an object whose claim is settled, with the claim. Resolves with true when something was written.
 */
export async function writeOwnStatus(object: Claimed, status: object, deps: Deps): Promise<boolean> {
  const operator = object.status?.operator ?? { namespace: deps.config.namespace };
  return writeStatus(object, { ...status, operator }, deps.kube);
}
