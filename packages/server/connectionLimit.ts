/** Limits the connections of a server: at the limit, an idle connection is closed for a new one. */
import { responseInProgress } from './nodeInternals.ts';

/** The used part of a socket of a node:http or node:https server. */
export interface Connection {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly bytesRead: number;
  destroy: () => unknown;
  once: (event: 'close', listener: () => void) => unknown;
  readonly localPort?: number | undefined;
}

interface Listener {
  on: (event: 'connection' | 'secureConnection', listener: (connection: Connection) => void) => unknown;
}

/** The number of connections. */
export interface Capacity {
  /** Whether another connection is allowed. */
  admits: () => boolean;
  add: (connections: 1 | -1) => void;
}

interface TrackedConnection {
  address: string;
  socket: Connection;
  /** The TLS socket of the same connection, on which HTTP runs. */
  secure?: Connection;
  released: boolean;
}

/** A fixed number of connections. */
export function fixedCapacity(most: number): Capacity {
  let held = 0;
  return { admits: () => held < most, add: (connections) => void (held += connections) };
}

const keyOf = ({ remoteAddress = '', remotePort = 0, localPort = 0 }: Connection): string =>
  `${remoteAddress} ${remotePort} ${localPort}`;

export class ConnectionLimit {
  readonly #capacity: Capacity;
  readonly #connections = new Map<string, TrackedConnection>();
  /** Oldest first. */
  readonly #byAddress = new Map<string, Set<TrackedConnection>>();

  constructor(places: Capacity) {
    this.#capacity = places;
  }

  /** Applies the limit to a server from now on. Several servers may share a limit. */
  guard(server: Listener): void {
    server.on('connection', (socket) => this.#accept(socket));
    server.on('secureConnection', (secure) => {
      const held = this.#connections.get(keyOf(secure));
      if (held) held.secure = secure;
    });
  }

  #accept(socket: Connection): void {
    if (!this.#capacity.admits() && !this.#closeOne()) return void socket.destroy();
    const held: TrackedConnection = { address: socket.remoteAddress ?? '', socket, released: false };
    const key = keyOf(socket);
    this.#capacity.add(1);
    this.#connections.set(key, held);
    this.#byAddress.set(held.address, (this.#byAddress.get(held.address) ?? new Set()).add(held));
    socket.once('close', () => {
      if (this.#connections.get(key) === held) this.#connections.delete(key);
      this.#release(held);
    });
  }

  /**
   * Closes a connection on which no byte has arrived; if there is none, one without a request in progress. Of all such
   * connections, one of the address that has the most connections.
   */
  #closeOne(): boolean {
    const addresses = [...this.#byAddress.values()].sort((a, b) => b.size - a.size);
    const found = firstOf(addresses, ({ socket }) => socket.bytesRead === 0) ?? firstOf(addresses, isIdle);
    if (!found) return false;
    this.#release(found);
    found.socket.destroy();
    return true;
  }

  #release(held: TrackedConnection): void {
    if (held.released) return;
    held.released = true;
    this.#capacity.add(-1);
    const all = this.#byAddress.get(held.address);
    all?.delete(held);
    if (all?.size === 0) this.#byAddress.delete(held.address);
  }
}

/** No request is in progress. A response that was sent before its request was completely read does not count. */
function isIdle({ socket, secure }: TrackedConnection): boolean {
  const response = responseInProgress(secure ?? socket);
  return !response || (response.headersSent && !response.req.complete);
}

function firstOf<T>(groups: Iterable<Iterable<T>>, fits: (one: T) => boolean): T | undefined {
  for (const group of groups) for (const one of group) if (fits(one)) return one;
  return undefined;
}
