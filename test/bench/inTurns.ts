/** Servers measured in turns, a slice of time each, again and again: what the machine does meanwhile hits all of them alike. */
import type { ChildProcess } from 'node:child_process';
import { cpuSeconds, percentile, rssMiB } from './figures.ts';
import { load, type LoadResult } from './load.ts';

/** Odd, so that a median is a measurement. */
const ROUNDS = Number(process.env.ROUNDS ?? 11);
const SLICE_SECONDS = 0.5;

export interface Server {
  what: string;
  process: ChildProcess;
  /** So many requests at the same time, for so long. */
  ask: (connections: number, seconds: number) => Promise<LoadResult>;
}

/** A server on a loopback port, which gets one request again and again. */
export const overHttp = (port: number, request: Buffer): Server['ask'] => (connections, seconds) => load({ port, request, connections, seconds });

/** Medians of all slices; ratios are those of slices that were measured one after the other. */
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

interface Slice extends LoadResult { cpuMicros: number }

/** Throws when a server answers anything but 200. */
export async function inTurns(servers: readonly Server[], connections: number): Promise<Measured[]> {
  for (const { ask } of servers) await ask(connections, 1); // warm
  const slices = servers.map((): Slice[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, server] of servers.entries()) slices[i]!.push(await slice(server, connections));
  }
  return servers.map(({ what, process: child }, i) => {
    const own = (figure: (slice: Slice) => number): number => percentile(slices[i]!.map(figure), 50);
    const ratio = (figure: (slice: Slice) => number): number => percentile(slices[i]!.map((one, round) => figure(one) / figure(slices[0]![round]!)), 50);
    return {
      what, perSecond: own(({ perSecond }) => perSecond), p50: own(({ p50 }) => p50), p99: own(({ p99 }) => p99), cpuMicros: own(({ cpuMicros }) => cpuMicros),
      ofFirst: ratio(({ perSecond }) => perSecond), cpuOfFirst: ratio(({ cpuMicros }) => cpuMicros), rssMiB: Math.round(rssMiB(child)),
    };
  });
}

async function slice({ what, process: child, ask }: Server, connections: number): Promise<Slice> {
  const before = cpuSeconds(child);
  const result = await ask(connections, SLICE_SECONDS);
  const count = Object.values(result.statuses).reduce((sum, n) => sum + n, 0);
  if (Object.keys(result.statuses).join() !== '200') throw new Error(`${what}: answers other than 200: ${JSON.stringify(result.statuses)}`);
  return { ...result, cpuMicros: ((cpuSeconds(child) - before) / count) * 1e6 };
}
