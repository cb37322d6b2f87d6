/** Objects in a namespace that does not fit into the operator's memory: only their status is written. */
import type { Result } from '@penstock/kube/controller/result';
import type { KubeObject } from '@penstock/kube/api/objects';
import { writeOwnStatus } from './claims.ts';
import type { Deps } from './deps.ts';

/** Room that is freed by a deleted or shortened object produces no event for this key. */
const RECHECK_MS = 30_000;

/** Writes `status`, if there is any to write, and looks again later. No child is created, changed or deleted. */
export async function reportNamespaceTooLarge(
  object: KubeObject,
  status: object | undefined,
  deps: Deps,
): Promise<Result> {
  if (status) await writeOwnStatus(object, status, deps);
  return { next: 'after', ms: RECHECK_MS };
}
