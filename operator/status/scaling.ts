/** Why there are as many pods as there are, in one line: what the autoscaler saw, and what it made of it. */
import { PORT } from '@penstock/contract';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Stored } from '../api/objects.ts';
import type { Effective } from '../api/types.gen.ts';
import { REASON } from '../api/reasons.ts';
import { quantity } from '../api/units.ts';
import type { Finding } from './conditions.ts';

/** `concurrency 7.2 of 4 target → 3 replicas`, for each metric that has a value. */
export function scalingMessage(
  { status }: Stored<HorizontalPodAutoscaler>,
  { metrics, minReplicas, maxReplicas }: Effective,
  replicas: number,
): string {
  const seen = (status?.currentMetrics ?? []).flatMap(({ pods, resource }) => {
    const figure = pods ? quantity(pods.current.averageValue ?? '') : NaN;
    if (pods && !Number.isNaN(figure))
      return [
        `concurrency ${figure.toFixed(1)} of ${metrics.find(({ type }) => type === 'Concurrency')?.averageValue ?? '?'} target`,
      ];
    const used = resource?.current.averageUtilization;
    return used === undefined
      ? []
      : [`CPU ${used}% of ${metrics.find(({ type }) => type === 'CPU')?.averageUtilization ?? '?'}% target`];
  });
  const desired = status?.desiredReplicas ?? replicas;
  const limited =
    desired === maxReplicas ? ', the maximum' : desired === Math.max(minReplicas, 1) ? ', the minimum' : '';
  return `${seen.length === 0 ? 'no figures yet' : seen.join(', ')} → ${desired} replica${desired === 1 ? '' : 's'}${limited}`;
}

/** What the plan found out about a pipeline that may have no pods. */
export type Resting = Record<'asleep' | 'onCall' | 'unattended' | 'unheard', boolean>;

/** What is to be said where no autoscaler has a say: at zero and on the way from it, and where the count never changes. */
export function atRest(
  rest: Resting | undefined,
  { minReplicas, maxReplicas, scaleToZeroAfter }: Effective,
  replicas: number,
): Pick<Finding, 'status' | 'reason' | 'message'> | undefined {
  const said = (reason: string, message: string): Pick<Finding, 'status' | 'reason' | 'message'> => ({
    status: 'True',
    reason,
    message,
  });
  if (rest?.asleep) return said('AtZero', 'idle, at zero');
  if (rest?.unattended)
    return {
      status: 'False',
      reason: REASON.noActivator,
      message: `idle for ${scaleToZeroAfter ?? ''}, but no activator is Ready that would take the next request: stays at ${replicas} (kubectl get pods -A -l app.kubernetes.io/component=activator)`,
    };
  if (rest?.unheard)
    return {
      status: 'False',
      reason: REASON.podsSilent,
      message: `a pod has not told for a minute what it has to do: stays at ${replicas} (can the operator reach port ${PORT.operator} of the pods?)`,
    };
  if (rest?.onCall) return said('Waking', `woken by a request → ${replicas} replica${replicas === 1 ? '' : 's'}`);
  if (minReplicas === maxReplicas) return said('FixedReplicas', `replicas fixed at ${minReplicas}`);
  return scaleToZeroAfter !== undefined && maxReplicas === 1
    ? said('FixedReplicas', `one replica, none after ${scaleToZeroAfter} without a request`)
    : undefined;
}

/** By so much a figure has to move before it is news (of its value, and at least in its own unit): each line is a write. */
const MIN_CHANGE = { share: 0.2, least: 0.5 };

/** The line that is there already, where the new one says about the same. */
export function ignoreSmallChanges(now: string, before: string | undefined): string {
  const split = (text: string): { words: string; figures: number[] } => ({
    words: text.replace(/\d+(\.\d+)?(?=%? of)/g, '#'),
    figures: [...text.matchAll(/\d+(\.\d+)?(?=%? of)/g)].map(([figure]) => Number(figure)),
  });
  if (before === undefined) return now;
  const [was, is] = [split(before), split(now)];
  const close =
    was.words === is.words &&
    is.figures.every(
      (figure, i) =>
        Math.abs(figure - was.figures[i]!) <= Math.max(MIN_CHANGE.least, MIN_CHANGE.share * was.figures[i]!),
    );
  return close ? before : now;
}
