/** Scale to zero: when the stable revision loses its last pod, and where requests go until it has one again. */
import { ACTIVATOR_SYNC_MS } from '../api/activation.ts';
import type { ObservedPipeline, RevisionState } from '../api/observed.ts';
import type { ActivatorRoute, ScaleToZero, ScaleToZeroState } from '../api/plan.ts';
import type { Effective } from '../api/types.gen.ts';
import { durationMs } from '../api/units.ts';

/**
 * Idleness is read again after this long where a pod has not reported it, and where an idle pipeline must keep its
 * pods.
 */
const IDLENESS_POLL_MS = 30_000;
/** A pod that now and then reports late is not worth a condition. */
const IDLENESS_UNKNOWN_MS = 60_000;

type State = RevisionState & { name: string };

/**
 * The stable revision goes to zero when all its pods were idle for scaleToZeroAfter and an activator listens for it.
 * Without an activator it is scaled up. While a rollout has frozen its scaling it stays as it is. Scaling from zero is
 * the activator's part.
 */
export function planScaleToZero(
  seen: ObservedPipeline,
  stable: State,
  { scaleToZeroAfter }: Effective,
  scalingFrozen: boolean,
): ScaleToZero {
  const limitMs = scaleToZeroAfter === undefined ? Infinity : durationMs(scaleToZeroAfter);
  const idle: Idleness = scalingFrozen ? { longEnough: false } : idleness(seen, stable, limitMs);
  const { hasActivator, synced } = activatorState(seen);
  const servedLast = hasServedLast(seen, stable);
  const goesToZero = idle.longEnough && servedLast && synced;
  const atZero = hasActivator && (goesToZero || staysAtZero(stable, limitMs < Infinity || scalingFrozen));
  const route = activatorRoute(seen, stable, { atZero, always: limitMs < Infinity });
  const availableThroughActivator = servedLast && hasAddresses(route);
  return {
    state: stateOf(seen, { atZero, idle: idle.longEnough, hasActivator, availableThroughActivator }),
    route,
    availableThroughActivator,
    wakeAfterMs: wakeAfterMs(idle, hasActivator && !atZero),
  };
}

const hasAddresses = (route: ActivatorRoute | undefined): boolean => (route?.addresses.length ?? 0) > 0;

const staysAtZero = ({ exists, replicas }: State, mayBeAtZero: boolean): boolean =>
  exists && replicas === 0 && mayBeAtZero;

const activatorState = ({ activator }: ObservedPipeline): { hasActivator: boolean; synced: boolean } => ({
  hasActivator: activator?.port !== undefined && activator.addresses.length > 0,
  synced: activator?.synced === true,
});

function stateOf(
  { idle }: ObservedPipeline,
  found: { atZero: boolean; idle: boolean; hasActivator: boolean; availableThroughActivator: boolean },
): ScaleToZeroState {
  if (found.atZero) return 'AtZero';
  if (found.idle && !found.hasActivator) return 'NoActivator';
  const unansweredMs = idle && 'unansweredSeconds' in idle ? idle.unansweredSeconds * 1000 : 0;
  if (unansweredMs >= IDLENESS_UNKNOWN_MS) return 'IdlenessUnknown';
  return found.availableThroughActivator ? 'Waking' : 'Active';
}

/**
 * Requests go to the activator until the Service has a Ready endpoint. A pipeline that may not scale to zero any more
 * keeps the activator in front of its pods until then.
 */
function activatorRoute(
  { activator }: ObservedPipeline,
  { ready }: State,
  { atZero, always }: { atZero: boolean; always: boolean },
): ActivatorRoute | undefined {
  if (activator?.port === undefined) return undefined;
  const { port, addressType, addresses, serviceReady } = activator;
  const toActivator = atZero || ready === 0 || !serviceReady;
  return always || toActivator ? { port, addressType, addresses: toActivator ? addresses : [] } : undefined;
}

interface Idleness {
  longEnough: boolean;
  /** When to read the idleness again. */
  pollMs?: number;
}

/** An idle pipeline whose activator has just got its port goes to zero when the activator listens on it. */
const wakeAfterMs = ({ longEnough, pollMs }: Idleness, waitsForActivator: boolean): number | undefined =>
  longEnough && waitsForActivator ? ACTIVATOR_SYNC_MS : pollMs;

/** Whether the stable revision's pods, all of them Ready, were idle for `limitMs`, and when to read that again. */
function idleness({ idle }: ObservedPipeline, { name, ready, replicas }: State, limitMs: number): Idleness {
  // a pod event wakes the reconcile
  if (idle?.revision !== name || ready === 0 || ready !== replicas) return { longEnough: false };
  if ('unansweredSeconds' in idle) return { longEnough: false, pollMs: Math.min(limitMs, IDLENESS_POLL_MS) };
  const leftMs = Math.ceil(limitMs - idle.seconds * 1000);
  return leftMs <= 0 ? { longEnough: true, pollMs: IDLENESS_POLL_MS } : { longEnough: false, pollMs: leftMs };
}

/**
 * Whether the last entry of the status history is this revision, and no failure is known that would stop its next pod.
 * Without a history entry, 0 replicas cannot be distinguished from a failed first rollout.
 */
function hasServedLast({ pipeline }: ObservedPipeline, { name, failure, deadlineExceeded }: State): boolean {
  return pipeline.status?.history?.at(-1)?.revision === name && failure === undefined && !deadlineExceeded;
}
