/** The condition ScalingActive: why there are as many pods as there are, in one line. Pure. */
import { PORT } from '@penstock/contract';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Stored } from '@penstock/kube/api/objects';
import type { ObservedPipeline } from '../api/observed.ts';
import type { Plan } from '../api/plan.ts';
import { CONDITION, REASON } from '../api/reasons.ts';
import type { Effective } from '../api/types.gen.ts';
import { quantity } from '../api/units.ts';
import type { Finding } from './conditions.ts';

type ScalingFinding = Omit<Finding, 'type'>;
type Check = (seen: ObservedPipeline, plan: Plan, replicas: number) => ScalingFinding | undefined;

/** In this order; the first finding is the condition. */
const CHECKS: readonly Check[] = [
  atZero,
  noActivator,
  idlenessUnknown,
  waking,
  fixedReplicas,
  noMetricsApi,
  notYetReady,
];

export function scalingActive(seen: ObservedPipeline, plan: Plan): Finding {
  const type = CONDITION.scalingActive;
  const stable = plan.live.find(({ role }) => role === 'stable');
  const replicas = stable?.scaleTo ?? stable?.replicas ?? 0;
  for (const check of CHECKS) {
    const finding = check(seen, plan, replicas);
    if (finding) return { type, ...finding };
  }
  return { type, ...byAutoscaler(seen, plan, replicas) };
}

const isTrue = (reason: string, message: string): ScalingFinding => ({ status: 'True', reason, message });

function atZero(_: ObservedPipeline, { scaleToZero }: Plan): ScalingFinding | undefined {
  return scaleToZero?.state === 'AtZero' ? isTrue(REASON.atZero, 'idle, at zero') : undefined;
}

function noActivator(
  _: ObservedPipeline,
  { scaleToZero, effective }: Plan,
  replicas: number,
): ScalingFinding | undefined {
  if (scaleToZero?.state !== 'NoActivator') return undefined;
  return {
    status: 'False',
    reason: REASON.noActivator,
    message: `idle for ${effective.scaleToZeroAfter ?? ''}, but no activator is Ready that would take the next request: stays at ${replicas} (kubectl get pods -A -l app.kubernetes.io/component=activator)`,
  };
}

function idlenessUnknown(_: ObservedPipeline, { scaleToZero }: Plan, replicas: number): ScalingFinding | undefined {
  if (scaleToZero?.state !== 'IdlenessUnknown') return undefined;
  return {
    status: 'False',
    reason: REASON.podsSilent,
    message: `a pod has not reported its requests for a minute: stays at ${replicas} (can the operator reach port ${PORT.operator} of the pods?)`,
  };
}

function waking(_: ObservedPipeline, { scaleToZero }: Plan, replicas: number): ScalingFinding | undefined {
  if (scaleToZero?.state !== 'Waking') return undefined;
  return isTrue(REASON.waking, `woken by a request → ${replicaCount(replicas)}`);
}

function fixedReplicas(_: ObservedPipeline, { effective }: Plan): ScalingFinding | undefined {
  const { minReplicas, maxReplicas, scaleToZeroAfter } = effective;
  if (minReplicas === maxReplicas) return isTrue(REASON.fixedReplicas, `replicas fixed at ${minReplicas}`);
  if (scaleToZeroAfter === undefined || maxReplicas !== 1) return undefined;
  return isTrue(REASON.fixedReplicas, `one replica, none after ${scaleToZeroAfter} without a request`);
}

function noMetricsApi({ noConcurrency }: ObservedPipeline, { effective }: Plan): ScalingFinding | undefined {
  if (noConcurrency === undefined || effective.metrics.some(({ type }) => type !== 'Concurrency')) return undefined;
  return { status: 'False', reason: REASON.noMetricsApi, message: noConcurrency };
}

function notYetReady(seen: ObservedPipeline, plan: Plan): ScalingFinding | undefined {
  if (autoscalerCondition(seen, plan)) return undefined;
  return { status: 'Unknown', reason: REASON.notYetReady, message: 'scaling begins with the first Ready pod' };
}

const autoscalerOf = ({ autoscalers }: ObservedPipeline, { stable }: Plan) =>
  autoscalers.find(({ metadata }) => metadata.name === stable);

const autoscalerCondition = (seen: ObservedPipeline, plan: Plan) =>
  autoscalerOf(seen, plan)?.status?.conditions?.find(({ type }) => type === 'ScalingActive');

/** What the autoscaler itself says. */
function byAutoscaler(seen: ObservedPipeline, plan: Plan, replicas: number): ScalingFinding {
  const { status, reason = 'Unknown', message = '' } = autoscalerCondition(seen, plan)!;
  if (status !== 'True') return { status: 'False', reason, message };
  const before = seen.pipeline.status?.conditions?.find(({ type }) => type === CONDITION.scalingActive);
  const line = scalingMessage(autoscalerOf(seen, plan)!, plan.effective, replicas);
  return isTrue(REASON.validMetric, ignoreSmallChanges(line, before?.message));
}

const replicaCount = (count: number): string => `${count} replica${count === 1 ? '' : 's'}`;

/** `concurrency 7.2 of 4 target → 3 replicas`, with each metric that has a value. */
export function scalingMessage(
  { status }: Stored<HorizontalPodAutoscaler>,
  effective: Effective,
  replicas: number,
): string {
  const values = (status?.currentMetrics ?? []).flatMap((metric) => metricValue(metric, effective) ?? []);
  const desired = status?.desiredReplicas ?? replicas;
  const seen = values.length === 0 ? 'no figures yet' : values.join(', ');
  return `${seen} → ${replicaCount(desired)}${boundNote(desired, effective)}`;
}

type MetricStatus = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];

function metricValue({ pods, containerResource }: MetricStatus, { metrics }: Effective): string | undefined {
  const concurrency = pods ? quantity(pods.current.averageValue ?? '') : NaN;
  const target = (type: string) => metrics.find((metric) => metric.type === type);
  if (!Number.isNaN(concurrency))
    return `concurrency ${concurrency.toFixed(1)} of ${target('Concurrency')?.averageValue ?? '?'} target`;
  const used = containerResource?.current.averageUtilization;
  return used === undefined ? undefined : `CPU ${used}% of ${target('CPU')?.averageUtilization ?? '?'}% target`;
}

function boundNote(replicas: number, { minReplicas, maxReplicas }: Effective): string {
  if (replicas === maxReplicas) return ', the maximum';
  return replicas === Math.max(minReplicas, 1) ? ', the minimum' : '';
}

/**
 * A value must change by this share of itself, and by this much at least, before the message changes: each message is a
 * write.
 */
const MIN_CHANGE = { share: 0.2, absolute: 0.5 };
const VALUE = /\d+(\.\d+)?(?=%? of)/g;

/** The message `before` where `now` differs from it only by small changes of its values. */
export function ignoreSmallChanges(now: string, before: string | undefined): string {
  if (before === undefined || now.replace(VALUE, '#') !== before.replace(VALUE, '#')) return now;
  const [were, are] = [valuesIn(before), valuesIn(now)];
  const isSmall = are.every((value, i) => {
    const old = were[i]!;
    return Math.abs(value - old) <= Math.max(MIN_CHANGE.absolute, MIN_CHANGE.share * old);
  });
  return isSmall ? before : now;
}

const valuesIn = (message: string): number[] => [...message.matchAll(VALUE)].map(([value]) => Number(value));
