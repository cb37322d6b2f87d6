/** Graceful shutdown of the activator. */
import { sleep, type Clock } from '@penstock/server/clock';
import { MAX_COLD_START_TIMEOUT_MS } from '../api/activation.ts';
import { UPSTREAM_IDLE_MS } from './forward.ts';

/** The most that removal from all EndpointSlices may take, and the time that nodes then need. */
const ROUTE_REMOVAL_MS = { slices: 20_000, nodes: 2_000 };
/**
 * Upper bound of draining: the largest coldStartTimeout, the largest requestTimeout (1 h), and the idle timeout of a
 * connection to a pod.
 */
const DRAIN_TIMEOUT_MS = MAX_COLD_START_TIMEOUT_MS + 3_600_000 + UPSTREAM_IDLE_MS;

export interface Drained {
  /** Resolves when no EndpointSlice names this activator, so that nodes send it no new requests. */
  unrouted: Promise<void>;
  stopAccepting: () => void;
  /** Resolves when every request has its response. */
  answered: () => Promise<void>;
}

/** Waits until this activator is removed from EndpointSlices, stops accepting, and waits for the requests in flight. */
export async function drain({ unrouted, stopAccepting, answered }: Drained, clock: Clock): Promise<void> {
  const atMost = (done: Promise<void>, ms: number): Promise<void> => Promise.race([done, sleep(clock, ms)]);
  await atMost(unrouted, ROUTE_REMOVAL_MS.slices);
  await sleep(clock, ROUTE_REMOVAL_MS.nodes);
  stopAccepting();
  await atMost(answered(), DRAIN_TIMEOUT_MS);
  await sleep(clock, 100); // until the last bytes are written
}
