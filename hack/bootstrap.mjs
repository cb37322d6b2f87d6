// Runs before the first command on a fresh clone: plain Node 20, no dependency. Installs what package-lock.json says.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stamp = join(root, 'node_modules', '.penstock-lock');
const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');

const [major, minor] = (process.env.npm_config_user_agent?.match(/^npm\/(\d+)\.(\d+)/) ?? []).slice(1).map(Number);
if (major !== undefined && (major < 11 || (major === 11 && minor < 19))) {
  console.error(
    `error: npm ${major}.${minor} is too old for this project, which needs 11.19 or newer (it reads allowScripts): npm install --global npm@11`,
  );
  process.exit(1);
}
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.error('installing the packages of package-lock.json');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  writeFileSync(stamp, lock);
}
