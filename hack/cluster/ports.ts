/** Free loopback ports for processes that tests and tools start. */
import { createServer } from 'node:net';

/** Below what Linux gives to outgoing connections, so that none of those takes a port before its listener does. */
const ANY = { first: 15_000, count: 16_000 };
const TRIES = 100;

/** One after the other, from a random one on: a port is not given twice before its listener has started. */
let next = Math.floor(Math.random() * ANY.count);

/** A port that nothing listens on now. */
export async function freePort({ first, count } = ANY): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = first + (next++ % count);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${first} and ${first + count} in ${TRIES} tries`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, () => server.close(() => resolve(true)));
  });
