/** How many connections a server has: when it is full, one on which nothing is under way makes room for the next. */

/** A socket of a node:http or node:https server, as far as one must know it. */
export interface Connection {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly bytesRead: number;
  destroy: () => unknown;
  once: (event: 'close', listener: () => void) => unknown;
  /** The answer that is under way on it. */
  _httpMessage?: unknown;
}

interface Listener {
  on: (event: 'connection' | 'secureConnection', listener: (connection: Connection) => void) => unknown;
}

/** Where the number of connections is kept. */
export interface Places {
  /** Whether one more fits. */
  admits: () => boolean;
  add: (connections: 1 | -1) => void;
}

interface Held {
  address: string;
  socket: Connection;
  /** The same connection as TLS sees it: HTTP runs on that one. */
  secure?: Connection;
  released: boolean;
}

/** Places of one server's own. */
export function placesFor(most: number): Places {
  let held = 0;
  return { admits: () => held < most, add: (connections) => void (held += connections) };
}

const keyOf = ({ remoteAddress = '', remotePort = 0 }: Connection): string => `${remoteAddress} ${remotePort}`;

export class ConnectionLimit {
  readonly #places: Places;
  readonly #held = new Map<string, Held>();
  /** Oldest first. */
  readonly #byAddress = new Map<string, Set<Held>>();

  constructor(places: Places) {
    this.#places = places;
  }

  /** Holds the server's connections to the limit, from now on; several servers may share one. */
  guard(server: Listener): void {
    server.on('connection', (socket) => this.#take(socket));
    server.on('secureConnection', (secure) => {
      const held = this.#held.get(keyOf(secure));
      if (held) held.secure = secure;
    });
  }

  #take(socket: Connection): void {
    if (!this.#places.admits() && !this.#endOne()) return void socket.destroy();
    const held: Held = { address: socket.remoteAddress ?? '', socket, released: false };
    const key = keyOf(socket);
    this.#places.add(1);
    this.#held.set(key, held);
    this.#byAddress.set(held.address, (this.#byAddress.get(held.address) ?? new Set()).add(held));
    socket.once('close', () => {
      if (this.#held.get(key) === held) this.#held.delete(key);
      this.#release(held);
    });
  }

  /** Ends a connection of the address that has the most: one on which nothing has come, or else one on which nothing is under way. */
  #endOne(): boolean {
    let largest = new Set<Held>();
    for (const all of this.#byAddress.values()) if (all.size > largest.size) largest = all;
    const idle = ({ socket, secure }: Held): boolean => !(secure ?? socket)._httpMessage;
    const found = first(largest, ({ socket }) => socket.bytesRead === 0) ?? first(largest, idle);
    if (!found) return false;
    this.#release(found);
    found.socket.destroy();
    return true;
  }

  #release(held: Held): void {
    if (held.released) return;
    held.released = true;
    this.#places.add(-1);
    const all = this.#byAddress.get(held.address);
    all?.delete(held);
    if (all?.size === 0) this.#byAddress.delete(held.address);
  }
}

function first<T>(all: Iterable<T>, fits: (one: T) => boolean): T | undefined {
  for (const one of all) if (fits(one)) return one;
  return undefined;
}
