/** What becomes of an object in a namespace that cannot be looked at as a whole: nothing but its status. */
import { writeStatus } from '../apply/status.ts';
import type { Result } from '../api/flow.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Deps } from './deps.ts';

/** An object that is deleted or shortened makes room within about a minute, and wakes nothing. */
const RECHECK_MS = 30_000;

/** Writes `status`, unless it is undefined or the object is gone or going, and looks again; nothing is made, changed or deleted. */
export async function reportNamespaceTooLarge<T extends KubeObject>(
  object: T | undefined,
  status: (object: T) => object | undefined,
  { kube }: Deps,
): Promise<Result> {
  if (!object || object.metadata.deletionTimestamp !== undefined) return { next: 'rest' };
  const now = status(object);
  if (now) await writeStatus(object, now, kube);
  return { next: 'after', ms: RECHECK_MS };
}
