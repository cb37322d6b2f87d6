/** Which changes of a status become Events. */
import { CONDITION, isProgress, REASON } from '../api/reasons.ts';
import type { Condition } from '../api/types.gen.ts';
import type { EventNote } from '@penstock/kube/client/events';

interface StatusWithConditions {
  activeRevision?: string;
  conditions?: Condition[];
}

const find = (status: StatusWithConditions | undefined, type: string): Condition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/**
 * A Normal event when a generation serves or makes progress, and a Warning when it cannot serve. No event while the
 * condition stays the same, or for a rollout, whose message changes with each pod.
 */
export function pipelineEvents(before: StatusWithConditions | undefined, after: StatusWithConditions): EventNote[] {
  const old = find(before, CONDITION.upToDate);
  const now = find(after, CONDITION.upToDate);
  if (!now || (isSame(old, now) && old?.observedGeneration === now.observedGeneration)) return [];
  if (now.status !== 'True') return now.reason === REASON.rollingOut ? [] : [noteOf(now)];
  const note = `revision ${after.activeRevision ?? ''} serves generation ${now.observedGeneration ?? 0}`;
  return [{ type: 'Normal', reason: now.reason, note }];
}

export function modelVersionEvents(
  before: StatusWithConditions | undefined,
  after: StatusWithConditions & { digest?: string },
): EventNote[] {
  const old = find(before, CONDITION.ready);
  const now = find(after, CONDITION.ready);
  if (!now || isSame(old, now)) return [];
  if (now.status === 'True') return [{ type: 'Normal', reason: now.reason, note: `verified ${after.digest ?? ''}` }];
  return [noteOf(now)];
}

const isSame = (old: Condition | undefined, { reason, message }: Condition): boolean =>
  old?.reason === reason && old.message === message;

const noteOf = ({ reason, message }: Condition): EventNote => ({
  type: isProgress(reason) ? 'Normal' : 'Warning',
  reason,
  note: message,
});
