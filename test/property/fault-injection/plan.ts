/** The words of a fault plan. A plan is JSON: what went wrong once can be played again by its file. */

/** Which watch event: the n-th (from 1) of this type about this object, as the recorded run had it. */
export interface EventRef {
  resource: string;
  type: string;
  name: string;
  nth: number;
}

/**
 * Writes are counted from 1 over the whole plan, operators that were started again included; Leases and Events do not
 * count.
 */
export type Fault =
  | {
      do:
        | 'crash before'
        | 'crash after'
        | 'lose the reply'
        | 'delay the reply'
        | 'rotate the token'
        | 'depose the leader';
      write: number;
    }
  | { do: 'refuse'; write: number; code: 409 | 429 | 500 | 504 }
  | { do: 'drop' | 'duplicate' | 'delay' | 'swap with the next'; event: EventRef }
  /**
   * After so many events on the watch of that resource: 410, a line cut in the middle, silence on an open socket, or
   * 410 and then a list from the past.
   */
  | { do: 'expire' | 'reset' | 'go silent' | 'lag behind'; resource: string; after: number };

export interface Plan {
  id: string;
  workload: string;
  faults: Fault[];
}

export interface WriteRecord {
  /** From 1. */
  n: number;
  by: string;
  method: string;
  /** `deployments/iris-1234` or `deployments/iris-1234/scale`. */
  what: string;
  /** Status code that the API server gave; 0: it was never asked. */
  code: number;
}

/** What one run of a workload did, as the proxy saw it. */
export interface Recording {
  writes: WriteRecord[];
  events: EventRef[];
}

export const describe = (fault: Fault): string => {
  if ('event' in fault)
    return `${fault.do}: ${fault.event.type} ${fault.event.resource}/${fault.event.name} #${fault.event.nth}`;
  if ('resource' in fault) return `watch of ${fault.resource} after ${fault.after} events: ${fault.do}`;
  return `write ${fault.write}: ${fault.do}${fault.do === 'refuse' ? ` with ${fault.code}` : ''}`;
};
