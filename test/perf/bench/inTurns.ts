/**
 * Servers measured in turns, a slice of time each, again and again: what the machine does meanwhile hits all of them
 * alike.
 */
import type { ChildProcess } from 'node:child_process';
import { cpuSeconds, percentile, rssMiB } from './figures.ts';
import { load, type LoadResult } from './load.ts';

/** Of each server, all slices together. */
const SECONDS = 7.5;

export interface Server {
  what: string;
  process: ChildProcess;
  /** So many requests at the same time, for so long. */
  ask: (connections: number, seconds: number) => Promise<LoadResult>;
}

/** A server on a loopback port, which gets one request again and again. */
export const overHttp =
  (port: number, request: Buffer): Server['ask'] =>
  (connections, seconds) =>
    load({ port, request, connections, seconds });

/**
 * Requests and CPU time of all slices together; latencies are medians of the slices'. Medians of the slices' ratios
 * waver more (docs/adr/0018).
 */
export interface Measured {
  what: string;
  perSecond: number;
  p50: number;
  p99: number;
  cpuMicros: number;
  ofFirst: number;
  cpuOfFirst: number;
  rssMiB: number;
}

interface Slice extends LoadResult {
  requests: number;
  cpuSeconds: number;
}

/** Slices of so many seconds. Throws when a server answers anything but 200. */
export async function inTurns(servers: readonly Server[], connections: number, seconds: number): Promise<Measured[]> {
  for (const { ask } of servers) await ask(connections, 1); // warm
  const slices = servers.map((): Slice[] => []);
  for (let round = 0; round < SECONDS / seconds; round++) {
    for (const [i, server] of servers.entries()) slices[i]!.push(await slice(server, connections, seconds));
  }
  const all = slices.map((own) => {
    const sum = (figure: (slice: Slice) => number): number => own.reduce((total, one) => total + figure(one), 0);
    const requests = sum((one) => one.requests);
    return {
      perSecond: requests / sum(({ seconds }) => seconds),
      cpuMicros: (sum((one) => one.cpuSeconds) / requests) * 1e6,
    };
  });
  return servers.map(({ what, process: child }, i) => ({
    what,
    ...all[i]!,
    ofFirst: all[i]!.perSecond / all[0]!.perSecond,
    cpuOfFirst: all[i]!.cpuMicros / all[0]!.cpuMicros,
    p50: percentile(
      slices[i]!.map(({ p50 }) => p50),
      50,
    ),
    p99: percentile(
      slices[i]!.map(({ p99 }) => p99),
      50,
    ),
    rssMiB: Math.round(rssMiB(child)),
  }));
}

async function slice({ what, process: child, ask }: Server, connections: number, seconds: number): Promise<Slice> {
  const before = cpuSeconds(child);
  const result = await ask(connections, seconds);
  if (Object.keys(result.statuses).join() !== '200')
    throw new Error(`${what}: answers other than 200: ${JSON.stringify(result.statuses)}`);
  return { ...result, requests: result.statuses[200]!, cpuSeconds: cpuSeconds(child) - before };
}
