/**
 * The Docker engine: the machine's own if it has one; else, on Debian as root, dockerd of Debian's packages in a
 * network namespace of its own, so that it neither sees nor changes the machine's network.
 */
import { execa } from 'execa';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cache, here, run } from './paths.ts';
import { runningPid, start, stop } from './processes.ts';
import { Advice, say } from './say.ts';

export interface Engine {
  /** Made by this harness, so: no registry is assumed, and `down` takes it away. */
  own: boolean;
  env: { DOCKER_HOST?: string };
}

const NAMESPACE = 'penstock';
const SOCKET = join(run, 'docker.sock');
const DATA = join(cache, 'engine');
export const OWN: Engine = { own: true, env: { DOCKER_HOST: `unix://${SOCKET}` } };
/** Puts a command on the engine's network. Not `ip netns exec`: it hides /sys/fs/cgroup. */
export const onEngineNetwork = ['nsenter', `--net=/run/netns/${NAMESPACE}`] as const;

/** The caller's own engine; DOCKER_HOST may be ours, by `npm run cluster -- env`. */
const machinesOwn = async (): Promise<boolean> =>
  process.env.DOCKER_HOST !== OWN.env.DOCKER_HOST && (await answers({}));
const answers = async (env: Engine['env']): Promise<boolean> =>
  (await execa('docker', ['info'], { env, reject: false, timeout: 10_000 })).exitCode === 0;

/** The engine to use, started if it is ours and not running. */
export async function engine(): Promise<Engine> {
  if (await machinesOwn()) return { own: false, env: {} };
  if (!(await answers(OWN.env))) await startOwn();
  return OWN;
}

/** What runs already, without starting anything. */
export async function runningEngine(): Promise<Engine | undefined> {
  if (await machinesOwn()) return { own: false, env: {} };
  return (await answers(OWN.env)) ? OWN : undefined;
}

async function startOwn(): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Advice(
      'no Docker engine answers: start Docker, or run this as root on Debian, where it installs and starts one of its own',
    );
  await installPackages();
  await makeNetwork();
  const compat = join(DATA, 'runc-compat');
  await mkdir(DATA, { recursive: true });
  await mkdir(run, { recursive: true });
  await execa('install', ['-m755', join(here, 'node-image', 'runc-compat'), compat]);
  const config = {
    'data-root': join(DATA, 'data'),
    'exec-root': join(run, 'exec'),
    pidfile: join(run, 'dockerd.own.pid'),
    hosts: [OWN.env.DOCKER_HOST],
    'storage-driver': 'overlay2',
    'oom-score-adjust': 0,
    dns: ['10.88.7.1'],
    'default-runtime': 'compat',
    runtimes: { compat: { path: compat } },
  };
  await writeFile(join(run, 'dockerd.json'), JSON.stringify(config));
  if (runningPid('dockerd') === undefined) {
    await rm(config.pidfile, { force: true }); // left by a killed dockerd, it would refuse to start
    start('dockerd', [...onEngineNetwork, 'dockerd', '--config-file', join(run, 'dockerd.json')]);
  }
  for (let i = 0; i < 150; i++) {
    if (await answers(OWN.env)) return;
    await sleep(200);
  }
  throw new Advice(`dockerd did not start: see ${join(run, 'dockerd.log')}`);
}

async function installPackages(): Promise<void> {
  const programs = {
    dockerd: 'docker.io',
    runc: 'runc',
    ip: 'iproute2',
    iptables: 'iptables',
    jq: 'jq',
    debootstrap: 'debootstrap',
    nsenter: 'util-linux',
  };
  const missing = [];
  for (const [program, pkg] of Object.entries(programs))
    if ((await execa('which', [program], { reject: false })).exitCode !== 0) missing.push(pkg);
  if (missing.length === 0) return;
  if ((await execa('which', ['apt-get'], { reject: false })).exitCode !== 0)
    throw new Advice(
      `no Docker engine answers and apt-get is not there to install one: start Docker (missing here: ${missing.join(', ')})`,
    );
  say(`installing ${missing.join(', ')}`);
  const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive' } };
  await execa('apt-get', ['update', '-q'], quiet);
  await execa('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], quiet);
}

/** A namespace with one address and a default route, so that programs in it can tell what their own address is. */
async function makeNetwork(): Promise<void> {
  const inside = (...args: string[]) => execa(onEngineNetwork[0], [onEngineNetwork[1], ...args], { reject: false });
  if (!existsSync(`/run/netns/${NAMESPACE}`)) await execa('ip', ['netns', 'add', NAMESPACE]);
  await inside('ip', 'link', 'set', 'lo', 'up');
  if ((await inside('ip', 'link', 'show', 'up0')).exitCode === 0) return;
  await inside('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up0peer');
  await inside('ip', 'link', 'set', 'up0peer', 'up');
  await inside('ip', 'addr', 'add', '10.88.7.1/24', 'dev', 'up0');
  await inside('ip', 'link', 'set', 'up0', 'up');
  await inside('ip', 'route', 'add', 'default', 'dev', 'up0');
}

/** Ends our engine and all it made, but not its images. */
export async function stopOwn(): Promise<void> {
  await stop('dockerd', 20_000);
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n').reverse()) {
    const mount = line.split(' ')[1] ?? '';
    if (mount.startsWith(DATA) || mount.startsWith(run)) await execa('umount', ['-l', mount], { reject: false });
  }
  if (existsSync(`/run/netns/${NAMESPACE}`)) await execa('ip', ['netns', 'del', NAMESPACE]);
  await rm(run, { recursive: true, force: true });
}
