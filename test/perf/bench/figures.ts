/** What the kernel knows of a process: its memory in MiB, its time in seconds; and percentiles. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

type Process = Pick<ChildProcess, 'pid'>;

/** User and system time of a process and of those that it has started, all threads. */
export function cpuSeconds({ pid }: Process): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const ours = new Set([pid]);
  for (let known = 0; known < ours.size;) {
    known = ours.size;
    for (const one of all) if (ours.has(one.parent)) ours.add(one.pid);
  }
  return all.filter((one) => ours.has(one.pid)).reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Undefined for a process that has ended. */
function statOf(pid: number): { pid: number; parent: number; seconds: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return { pid, parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / 100 };
  } catch {
    return undefined;
  }
}

export const rssMiB = (process: Process): number => memory(process, 'VmRSS');
/**
 * What of the memory is files, programs and libraries above all: a container's limit makes the kernel drop those, and
 * ends nothing.
 */
export const fileMiB = (process: Process): number => memory(process, 'RssFile');
export const peakMiB = (process: Process): number => memory(process, 'VmHWM');

const memory = ({ pid }: Process, field: string): number =>
  Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

/** The smallest value that `p` percent of the values do not exceed, or nearly; NaN of none. */
export const percentile = (values: readonly number[], p: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor((values.length * p) / 100))] ?? NaN;

/** A line that says whether a limit is kept. */
export const verdict = (what: string, value: number, relation: '≤' | '≥', limit: number): string =>
  `- ${what}: ${value.toFixed(2)} (${relation} ${limit}) ${(relation === '≤' ? value <= limit : value >= limit) ? 'kept' : 'NOT kept'}`;
