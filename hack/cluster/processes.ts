/** Background processes with a recorded pid, so that only those are ever ended. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './paths.ts';

const pidFile = (name: string): string => join(run, `${name}.pid`);

/** The pid recorded under `name` if that very process still runs (its start time is part of the record). */
export function runningPid(name: string): number | undefined {
  try {
    const [pid, born] = readFileSync(pidFile(name), 'utf8').trim().split(' ');
    return startTime(Number(pid)) === born ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a process of its own session with output to `<run>/<name>.log`, and records it. */
export function start(
  name: string,
  [command, ...args]: [string, ...string[]],
  env: NodeJS.ProcessEnv = process.env,
): number {
  mkdirSync(run, { recursive: true });
  const log = openSync(join(run, `${name}.log`), 'a');
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  child.unref();
  child.on('error', () => undefined); // a missing program shows as a pid that does not run
  record(name, child.pid ?? 0);
  return child.pid ?? 0;
}

/** Resolves once no other process does `name` any more, and records this one as the one that does. */
export async function alone(name: string): Promise<void> {
  for (let pid = runningPid(name); pid !== undefined && pid !== process.pid; pid = runningPid(name)) await sleep(500);
  mkdirSync(run, { recursive: true });
  record(name, process.pid);
}

function record(name: string, pid: number): void {
  writeFileSync(pidFile(name), `${pid} ${startTime(pid) ?? ''}`);
}

/** Ends the recorded process: SIGTERM, and SIGKILL after `graceMs`. */
export async function stop(name: string, graceMs = 10_000): Promise<void> {
  const pid = runningPid(name);
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    for (let waited = 0; waited < graceMs && runningPid(name) !== undefined; waited += 100) await sleep(100);
    if (runningPid(name) !== undefined) process.kill(pid, 'SIGKILL');
  }
  rmSync(pidFile(name), { force: true });
}

/** Kernel start time of a process (field 22 of /proc/PID/stat): with the pid it names one process for ever. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] === 'Z'
      ? undefined
      : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
