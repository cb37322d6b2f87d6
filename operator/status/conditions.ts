/** Conditions as the Kubernetes API conventions define them. */
import type { Condition } from '../api/types.gen.ts';
import { timestamp } from '../api/units.ts';

export interface Finding {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

/**
 * Makes conditions of findings. lastTransitionTime changes only with the status, and observedGeneration is this
 * generation.
 */
export function conditions(
  findings: Finding[],
  before: Condition[] | undefined,
  observedGeneration: number,
  now: number,
): Condition[] {
  return findings.map((finding) => {
    const old = before?.find(({ type }) => type === finding.type);
    const lastTransitionTime = old?.status === finding.status ? old.lastTransitionTime : timestamp(now);
    return {
      ...finding,
      message: finding.message.replace(/\s+/g, ' ').trim().slice(0, 2000),
      observedGeneration,
      lastTransitionTime,
    };
  });
}

/** The `status` field of a condition. */
export const truth = (value: boolean): 'True' | 'False' => (value ? 'True' : 'False');
