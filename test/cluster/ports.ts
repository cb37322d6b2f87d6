/** Free loopback ports for processes that tests and tools start. */
import { createServer } from 'node:net';

/** Below what Linux gives to outgoing connections, so that none of those takes a port before its listener does. */
const [FIRST, LAST] = [15_000, 31_000];
const TRIES = 100;

/** A port of 127.0.0.1 that nothing listens on now. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST} in ${TRIES} tries`);
}

const isFree = (port: number): Promise<boolean> => new Promise((resolve) => {
  const server = createServer().once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
});
