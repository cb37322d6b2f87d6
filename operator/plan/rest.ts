/** The last step to zero and the first one back, for a pipeline that may have no pods. Going to sleep is ours, waking is the activator's. */
import type { ObservedPipeline } from '../api/observed.ts';
import type { Effective } from '../api/types.gen.ts';
import { durationMs } from '../api/units.ts';
import type { Route } from '../desired/activator.ts';
import type { Facts } from './facts.ts';

/** A pod that did not say for how long it has been idle is asked again after this long. */
const ASK_AGAIN_MS = 10_000;

export interface Rest {
  /** No pods from now on, or none as before. */
  asleep: boolean;
  /** The endpoint works though no pod is Ready: a request is held until one is. */
  onCall: boolean;
  /** Idle for long enough, but nobody would take a request that comes then. */
  unattended: boolean;
  route?: Route | undefined;
  wakeAfterMs?: number | undefined;
}

const AWAKE: Rest = { asleep: false, onCall: false, unattended: false };

/**
 * What serves goes to sleep when none of its pods has been asked anything for scaleToZeroAfter, and only with an
 * activator in front of it; without one it is woken. While a newcomer comes up it is left as it is.
 */
export function planRest(seen: ObservedPipeline, has: Facts & { name: string }, { scaleToZeroAfter }: Effective, held: boolean): Rest {
  if (seen.activator?.port === undefined) return AWAKE;
  const { port, addresses, addressType, serviceReady } = seen.activator;
  const limitMs = scaleToZeroAfter === undefined ? Infinity : durationMs(scaleToZeroAfter);
  const idle = idleness(seen, has, limitMs, held);
  const served = servedLast(seen, has);
  const asleep = addresses.length > 0 && ((idle.longEnough && served) || isAtZero(has, limitMs < Infinity || held)); // before it is written down that it served, nobody could tell sleep from a start that failed
  const toActivator = asleep || has.ready === 0 || !serviceReady;
  return {
    asleep,
    onCall: addresses.length > 0 && toActivator && served,
    unattended: idle.longEnough && !asleep,
    route: limitMs < Infinity || toActivator ? { port, addressType, addresses: toActivator ? addresses : [] } : undefined,
    wakeAfterMs: idle.askAfterMs,
  };
}

/** Of the pods of what serves, all of them Ready: whether they have been idle for long enough, and if not, when to ask again. */
function idleness({ idleSeconds }: ObservedPipeline, { exists, ready, replicas }: Facts, limitMs: number, held: boolean): { longEnough: boolean; askAfterMs?: number } {
  if (!exists || ready === 0 || ready !== replicas || held || limitMs === Infinity) return { longEnough: false };
  if (idleSeconds === undefined) return { longEnough: false, askAfterMs: Math.min(limitMs, ASK_AGAIN_MS) };
  const leftMs = Math.ceil(limitMs - idleSeconds * 1000);
  return leftMs <= 0 ? { longEnough: true } : { longEnough: false, askAfterMs: leftMs };
}

const isAtZero = ({ exists, replicas }: Facts, mayBe: boolean): boolean => exists && replicas === 0 && mayBe;

/** It has served, and nothing is known that would keep the next pod from it. */
function servedLast({ pipeline }: ObservedPipeline, { name, failure, deadlineExceeded }: Facts & { name: string }): boolean {
  return pipeline.status?.history?.at(-1)?.revision === name && failure === undefined && !deadlineExceeded;
}
