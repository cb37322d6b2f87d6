/**
 * A load generator that costs little: raw keep-alive sockets, one request at a time on each, answers counted and timed.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/waitFor.ts';
import { percentile } from './figures.ts';

export interface Load {
  port: number;
  /** The whole request, head and body. */
  request: Buffer;
  connections: number;
  seconds: number;
}

export interface LoadResult {
  /** How long it took. */
  seconds: number;
  p50: number;
  p99: number;
  /** Answers by status. */
  statuses: Record<string, number>;
}

/** A POST with everything a plain client sends. */
export function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Buffer {
  const bytes = Buffer.from(body as string);
  const head = Object.entries({
    host: '127.0.0.1',
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...headers,
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`), bytes]);
}

/** Latencies in milliseconds. Ends after `seconds`, however slow the server is. */
export async function load({ port, request, connections, seconds }: Load): Promise<LoadResult> {
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  const until = performance.now() + seconds * 1000;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const started = performance.now();
  await Promise.all(sockets.map((socket) => repeat(socket, { request, until, times, statuses })));
  return {
    seconds: (performance.now() - started) / 1000,
    p50: percentile(times, 50),
    p99: percentile(times, 99),
    statuses,
  };
}

/** Sends so many a second for so long, whatever becomes of them; resolves with how many that were. */
export async function paced(perSecond: number, seconds: number, send: () => void): Promise<number> {
  let sent = 0;
  const started = performance.now();
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - started) / 1000) {
    for (; sent < elapsed * perSecond; sent++) send();
    await sleep(2);
  }
  return sent;
}

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket)).once('error', reject);
  });

interface Run {
  request: Buffer;
  until: number;
  times: number[];
  statuses: Record<string, number>;
}

function repeat(socket: Socket, { request, until, times, statuses }: Run): Promise<void> {
  return new Promise((resolve) => {
    let sent = performance.now();
    let got = '';
    const end = (): void => {
      socket.destroy();
      resolve();
    };
    socket
      .on('error', end)
      .on('close', end)
      .setTimeout(30_000, end)
      .on('data', (chunk: Buffer) => {
        got += chunk.toString('latin1');
        const head = got.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(got)?.[1] ?? 0);
        if (got.length < head + 4 + length) return;
        const now = performance.now();
        times.push(now - sent);
        const status = got.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        got = '';
        if (now >= until) return end();
        sent = now;
        socket.write(request);
      });
    socket.write(request);
  });
}

/** Resolves when a server answers the request. */
export const listens = (what: string, server: Pick<Load, 'port' | 'request'>, withinMs: number): Promise<true> =>
  waitFor(
    () =>
      load({ ...server, connections: 1, seconds: 0 }).then(
        () => true as const,
        () => undefined,
      ),
    withinMs,
    { what: `${what} listens` },
  );
