/** The steps of a rollout that a plan makes, as log lines. Pure. */
import type { ObservedPipeline } from '../api/observed.ts';
import type { Plan } from '../api/plan.ts';

export interface LogLine {
  message: string;
  [field: string]: unknown;
}

/** In the order in which they happen. Empty for a plan that changes no revision and no replica count. */
export function rolloutSteps(
  { revisions }: ObservedPipeline,
  { wanted, failing, trafficSwitch, live }: Plan,
): LogLine[] {
  const isNew = wanted !== undefined && !revisions.some(({ name }) => name === wanted.name);
  return [
    ...(isNew ? [{ message: 'revision created', revision: wanted.name }] : []),
    ...(failing ? [{ message: 'revision failed', revision: failing.revision.name, ...reasonOf(failing) }] : []),
    ...(trafficSwitch ? [{ message: 'traffic moved', from: trafficSwitch.from, to: trafficSwitch.to }] : []),
    ...live.flatMap(({ revision, replicas, scaleTo }) =>
      scaleTo === undefined ? [] : [{ message: 'scaled', revision: revision.name, from: replicas, to: scaleTo }],
    ),
  ];
}

const reasonOf = ({ failure: { reason, message } }: NonNullable<Plan['failing']>) => ({ reason, error: message });
