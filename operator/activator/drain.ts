/** Graceful shutdown of the activator. */
import { sleep, type Clock } from '@penstock/server/clock';
import { QUEUE_TIMEOUT_MS } from './bufferedRequest.ts';
import { UPSTREAM_IDLE_MS } from './forward.ts';

/** The most that removal from all EndpointSlices may take, and the time that nodes then need. */
const ROUTE_REMOVAL_MS = { slices: 20_000, nodes: 2_000 };
/**
 * Upper bound of draining: queue timeout, the largest requestTimeout (1 h), and the idle timeout of a connection to a
 * pod.
 */
const DRAIN_TIMEOUT_MS = QUEUE_TIMEOUT_MS + 3_600_000 + UPSTREAM_IDLE_MS;

export interface Drained {
  /** An EndpointSlice still names this activator, so nodes send requests here. */
  isRouted: () => boolean;
  stopAccepting: () => void;
  /** Requests without a response. */
  inFlight: () => number;
}

/** Waits until this activator is removed from EndpointSlices, stops accepting, and waits for the requests in flight. */
export async function drain({ isRouted, stopAccepting, inFlight }: Drained, clock: Clock): Promise<void> {
  const until = async (done: () => boolean, maxMs: number): Promise<void> => {
    for (const end = clock.now() + maxMs; !done() && clock.now() < end;) await sleep(clock, 50);
  };
  await until(() => !isRouted(), ROUTE_REMOVAL_MS.slices);
  await sleep(clock, ROUTE_REMOVAL_MS.nodes);
  stopAccepting();
  await until(() => inFlight() === 0, DRAIN_TIMEOUT_MS);
  await sleep(clock, 100); // until the last bytes are written
}
