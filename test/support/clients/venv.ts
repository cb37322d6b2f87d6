/** Python clients from PyPI in a folder of their own, outside the checkout, made once. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Path of a Python that has these packages. */
export function pythonWith(packages: readonly string[]): string {
  const home = join(
    homedir(),
    '.cache/penstock',
    `python-${createHash('sha256').update(packages.join()).digest('hex').slice(0, 8)}`,
  );
  const python = join(home, 'bin/python');
  if (existsSync(join(home, 'complete'))) return python;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(join(home, '..'), { recursive: true });
  try {
    execFileSync('python3', ['-m', 'venv', home], { stdio: 'pipe' });
  } catch {
    rmSync(home, { recursive: true, force: true });
    // Debian packs it apart
    execFileSync('sh', ['-c', 'apt-get update -qq && apt-get install -qq -y python3-venv'], { stdio: 'pipe' });
    execFileSync('python3', ['-m', 'venv', home], { stdio: 'pipe' });
  }
  execFileSync(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages], { stdio: 'pipe' });
  writeFileSync(join(home, 'complete'), '');
  return python;
}
