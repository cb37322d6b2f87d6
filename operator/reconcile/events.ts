/** Which changes of a status become Events. */
import type { Condition } from '../api/types.gen.ts';
import type { EventNote } from '@penstock/kube/client/events';

interface StatusWithConditions {
  activeRevision?: string;
  conditions?: Condition[];
}

const find = (status: StatusWithConditions | undefined, type: string): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/**
 * A Normal event when a generation serves, and a Warning when it cannot. No event while the condition stays the same.
 */
export function pipelineEvents(before: StatusWithConditions | undefined, after: StatusWithConditions): EventNote[] {
  const old = find(before, 'UpToDate');
  const now = find(after, 'UpToDate');
  if (
    !now ||
    (old?.reason === now.reason && old.message === now.message && old.observedGeneration === now.observedGeneration)
  )
    return [];
  if (now.status === 'True')
    return [
      {
        type: 'Normal',
        reason: now.reason,
        note: `revision ${after.activeRevision ?? ''} serves generation ${now.observedGeneration ?? 0}`,
      },
    ];
  return now.reason === 'RollingOut' ? [] : [{ type: 'Warning', reason: now.reason, note: now.message }];
}

export function modelVersionEvents(
  before: StatusWithConditions | undefined,
  after: StatusWithConditions & { digest?: string },
): EventNote[] {
  const old = find(before, 'Ready');
  const now = find(after, 'Ready');
  if (!now || (old?.reason === now.reason && old.message === now.message)) return [];
  if (now.status === 'True') return [{ type: 'Normal', reason: now.reason, note: `verified ${after.digest ?? ''}` }];
  return ['Verifying', 'VerificationQueued'].includes(now.reason)
    ? []
    : [{ type: 'Warning', reason: now.reason, note: now.message }];
}
