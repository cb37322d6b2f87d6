/** The Python processes of a script. In a pod they have their own container; elsewhere this scorer starts them. */
import { PYTHON_MODULE } from '@penstock/contract';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment, type ScorerConfig } from '../config.ts';
import { PythonWorkers } from './pythonWorkers.ts';

/** The folder of the package penstock_worker, beside this file's bundle. */
const PACKAGES = fileURLToPath(new URL('./python', import.meta.url));

export const WORKER_PACKAGE = { name: PYTHON_MODULE.worker, folder: join(PACKAGES, PYTHON_MODULE.worker) } as const;

export interface PythonScript {
  python: NonNullable<ScorerConfig['python']>;
  /** Path of the script. */
  script: string;
  revision: string;
}

/** Listens for the Python processes, and starts them where `python.program` is set. */
export async function pythonWorkers({
  python: { socket, program },
  script,
  revision,
}: PythonScript): Promise<PythonWorkers> {
  const listening = await PythonWorkers.listen(socket, revision);
  if (program === undefined) return listening;
  const child = spawn(program, ['-m', PYTHON_MODULE.worker, socket, script], {
    cwd: PACKAGES, // where Python finds the package
    env: environment(),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  child.once('error', (error) => listening.fail(`${program} cannot be started: ${error.message}`));
  child.once('exit', (code, signal) => listening.fail(`${program} has ended (${signal ?? `exit code ${code}`})`));
  return listening;
}
