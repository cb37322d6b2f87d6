/** The last step to zero and the first one back, for a pipeline that may have no pods. Going to sleep is ours, waking is the activator's. */
import { ACTIVATOR_SYNC_MS } from '../api/activation.ts';
import type { ObservedPipeline } from '../api/observed.ts';
import type { Effective } from '../api/types.gen.ts';
import { durationMs } from '../api/units.ts';
import type { Route } from '../desired/activator.ts';
import type { Facts } from './facts.ts';

/** Where a pod did not say for how long it has been idle, and where it may not sleep although it is, it is asked again after this long. */
const ASK_AGAIN_MS = 30_000;
/** A pod that is slow to answer now and then is no news. */
const SILENT_MS = 60_000;

export interface Rest {
  /** No pods from now on, or none as before. */
  asleep: boolean;
  /** The endpoint works though no pod is Ready: a request is held until one is. */
  onCall: boolean;
  /** Idle for long enough, but nobody would take a request that comes then. */
  unattended: boolean;
  /** Nobody can tell whether it is idle: a pod has not said for a minute. */
  unheard: boolean;
  route?: Route | undefined;
  wakeAfterMs?: number | undefined;
}

/**
 * What serves goes to sleep when none of its pods has been asked anything for scaleToZeroAfter, and only with an
 * activator in front of it that has heard of its port; without one it is woken. While a newcomer comes up it is left as it is.
 */
export function planRest(
  seen: ObservedPipeline,
  has: Facts & { name: string },
  { scaleToZeroAfter }: Effective,
  held: boolean,
): Rest {
  const limitMs = scaleToZeroAfter === undefined ? Infinity : durationMs(scaleToZeroAfter);
  const idle = held ? { longEnough: false } : idleness(seen, has, limitMs);
  const served = servedLast(seen, has); // before that is written down, nobody could tell sleep from a start that failed
  const attended = seen.activator?.port !== undefined && seen.activator.addresses.length > 0;
  const mayGo = idle.longEnough && served && seen.activator?.synced === true;
  const asleep = attended && (mayGo || isAtZero(has, limitMs < Infinity || held));
  const route = routeOf(seen, has, { asleep, always: limitMs < Infinity });
  return {
    asleep,
    route,
    onCall: served && route !== undefined && route.addresses.length > 0,
    unattended: idle.longEnough && !attended,
    unheard: isUnheard(seen),
    wakeAfterMs: attended && !asleep && idle.longEnough ? ACTIVATOR_SYNC_MS : idle.askAfterMs,
  };
}

const isAtZero = ({ exists, replicas }: Facts, mayBe: boolean): boolean => exists && replicas === 0 && mayBe;

/** To the activator until the Service leads to a Ready pod. One that may not be at zero any more has it in front until then, and no longer. */
function routeOf(
  { activator }: ObservedPipeline,
  { ready }: Facts,
  { asleep, always }: { asleep: boolean; always: boolean },
): Route | undefined {
  if (activator?.port === undefined) return undefined;
  const { port, addressType, addresses, serviceReady } = activator;
  const toActivator = asleep || ready === 0 || !serviceReady;
  return always || toActivator ? { port, addressType, addresses: toActivator ? addresses : [] } : undefined;
}

/** Of the pods of what serves, all of them Ready: whether they have been idle for long enough, and when to ask again. */
function idleness(
  { idle }: ObservedPipeline,
  { name, ready, replicas }: Facts & { name: string },
  limitMs: number,
): { longEnough: boolean; askAfterMs?: number } {
  if (idle?.revision !== name || ready === 0 || ready !== replicas) return { longEnough: false }; // pods that come and go wake the reconcile
  if ('unansweredSeconds' in idle) return { longEnough: false, askAfterMs: Math.min(limitMs, ASK_AGAIN_MS) };
  const leftMs = Math.ceil(limitMs - idle.seconds * 1000);
  return leftMs <= 0 ? { longEnough: true, askAfterMs: ASK_AGAIN_MS } : { longEnough: false, askAfterMs: leftMs };
}

const isUnheard = ({ idle }: ObservedPipeline): boolean =>
  idle !== undefined && 'unansweredSeconds' in idle && idle.unansweredSeconds * 1000 >= SILENT_MS;

/** It has served, and nothing is known that would keep the next pod from it. */
function servedLast(
  { pipeline }: ObservedPipeline,
  { name, failure, deadlineExceeded }: Facts & { name: string },
): boolean {
  return pipeline.status?.history?.at(-1)?.revision === name && failure === undefined && !deadlineExceeded;
}
