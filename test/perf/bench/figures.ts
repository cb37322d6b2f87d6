/** What the kernel knows of a process: its memory in MiB, its time in seconds; and percentiles. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

type Process = Pick<ChildProcess, 'pid'>;

/** User and system time, all threads. */
export function cpuSeconds({ pid }: Process): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
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
