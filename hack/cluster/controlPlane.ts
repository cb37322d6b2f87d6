/**
 * etcd, kube-apiserver and, when asked for, kube-controller-manager, on loopback, without root: a real API for
 * integration tests in three seconds.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as yaml from 'js-yaml';
import { freePort } from './ports.ts';
import { builtTools } from './tools.ts';

/** Environment variable: the folder of another kube-apiserver and kube-controller-manager. */
export const CONTROL_PLANE = 'PENSTOCK_CONTROL_PLANE';

export interface ControlPlane {
  /** Path of a kubeconfig with every right. */
  kubeconfig: string;
  kubectl: string;
  /** One JSON line a call, when it was asked for. */
  auditLog: string;
  /**
   * Starts kube-controller-manager with these controllers. After the CRDs: the garbage collector looks for new kinds
   * twice a minute only.
   */
  startControllers: (names: string[]) => void;
  stop: () => Promise<void>;
}

export interface ControlPlaneOptions {
  /** Write {@link ControlPlane.auditLog}. */
  audit?: boolean;
}

const ATTEMPTS = 3;

/**
 * Starts etcd and the API server and waits until the API is ready. Each call is a cluster of its own. Another process
 * may take a port that was free a moment before; then other ports are tried.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt++)
    try {
      return await startOnFreePorts(options);
    } catch (error) {
      if (attempt === ATTEMPTS || !String(error).includes('address already in use')) throw error;
    }
}

async function startOnFreePorts({ audit = false }: ControlPlaneOptions): Promise<ControlPlane> {
  const tools = await builtTools();
  const programs = process.env[CONTROL_PLANE] ?? tools;
  const dir = await mkdtemp(join(tmpdir(), 'penstock-api-'));
  const [client, peer, api] = [await freePort(), await freePort(), await freePort()];
  const auditLog = join(dir, 'audit.log');
  const token = randomBytes(16).toString('hex');
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await writeFile(join(dir, 'sa.key'), keys.privateKey);
  await writeFile(join(dir, 'tokens.csv'), `${token},admin,admin,system:masters\n`);
  await writeFile(
    join(dir, 'audit.yaml'),
    yaml.dump({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata' }],
    }),
  );
  const etcd = start(dir, 'etcd', join(tools, 'etcd'), [
    '--data-dir',
    join(dir, 'etcd'),
    '--unsafe-no-fsync',
    '--log-level',
    'error',
    '--listen-client-urls',
    `http://127.0.0.1:${client}`,
    '--advertise-client-urls',
    `http://127.0.0.1:${client}`,
    '--listen-peer-urls',
    `http://127.0.0.1:${peer}`,
    '--initial-advertise-peer-urls',
    `http://127.0.0.1:${peer}`,
    '--initial-cluster',
    `default=http://127.0.0.1:${peer}`,
  ]);
  const apiserver = start(dir, 'kube-apiserver', join(programs, 'kube-apiserver'), [
    `--etcd-servers=http://127.0.0.1:${client}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${api}`,
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    `--cert-dir=${dir}`,
    `--token-auth-file=${join(dir, 'tokens.csv')}`,
    `--service-account-key-file=${join(dir, 'sa.key')}`,
    `--service-account-signing-key-file=${join(dir, 'sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=RBAC',
    '--disable-admission-plugins=ServiceAccount',
    ...(audit
      ? [
          `--audit-policy-file=${join(dir, 'audit.yaml')}`,
          `--audit-log-path=${auditLog}`,
          '--audit-log-maxsize=500',
          '--audit-log-mode=batch',
          '--audit-log-batch-max-wait=1s',
        ]
      : []),
  ]);
  let controllerManager: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (controllerManager) {
      if (controllerManager.exitCode !== null)
        console.error(`kube-controller-manager ended by itself:\n${await logOf(dir, 'kube-controller-manager')}`);
      await end(controllerManager);
    }
    await end(apiserver);
    await end(etcd);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const kubeconfig = join(dir, 'kubeconfig');
    await readyWithin(30_000, `https://127.0.0.1:${api}/readyz`, dir, apiserver);
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 't',
      contexts: [{ name: 't', context: { cluster: 't', user: 't' } }],
      clusters: [
        {
          name: 't',
          cluster: { server: `https://127.0.0.1:${api}`, 'certificate-authority': join(dir, 'apiserver.crt') },
        },
      ],
      users: [{ name: 't', user: { token } }],
    };
    await writeFile(kubeconfig, yaml.dump(config));
    const startControllers = (names: string[]): void => {
      controllerManager = start(dir, 'kube-controller-manager', join(programs, 'kube-controller-manager'), [
        `--kubeconfig=${kubeconfig}`,
        `--controllers=${names.join(',')}`,
        '--leader-elect=false',
        '--secure-port=0',
        '--kube-api-qps=2000',
        '--kube-api-burst=4000',
        '--concurrent-deployment-syncs=10',
        '--concurrent-replicaset-syncs=10',
        '--concurrent-gc-syncs=10',
        '--concurrent-namespace-syncs=10',
      ]);
    };
    return { kubeconfig, kubectl: join(tools, 'kubectl'), auditLog, startControllers, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function start(dir: string, name: string, program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(join(dir, `${name}.log`));
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL'); // the data directory is thrown away
  await exited;
}

async function readyWithin(ms: number, url: string, dir: string, apiserver: ChildProcess): Promise<void> {
  const { Agent, request } = await import('undici');
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  for (const until = Date.now() + ms; Date.now() < until && apiserver.exitCode === null; await sleep(100)) {
    const status = await request(url, { dispatcher }).then(
      async (r) => (await r.body.dump(), r.statusCode),
      () => 0,
    );
    if (status === 200) return void (await dispatcher.close());
  }
  throw new Error(`kube-apiserver is not ready:\n${await logOf(dir, 'kube-apiserver')}`);
}

const logOf = async (dir: string, name: string): Promise<string> =>
  (await readFile(join(dir, `${name}.log`), 'utf8')).slice(-2000);
