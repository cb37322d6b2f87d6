/** A real kind cluster by kind-config.yaml, brought up, repaired and taken down; or the one KUBECONFIG names. */
import { execa } from 'execa';
import * as yaml from 'js-yaml';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engine, onEngineNetwork, OWN, runningEngine, stopOwn, type Engine } from './engine.ts';
import { hasImage, importImage, loadImage } from './images.ts';
import { foreignKubeconfig, kubeconfig, kubectl } from './kubectl.ts';
import { nodeImage } from './nodeImage.ts';
import { cache, CLUSTER_NAME, here, METRICS_SERVER, root, run } from './paths.ts';
import { runningPid, start, stop } from './processes.ts';
import { Advice, say } from './say.ts';
import { builtTools, hasGo, metricsServer, tool } from './tools.ts';
import { freePort } from './ports.ts';

const COLD_BUILD_BYTES = 12e9;

const responds = async (): Promise<boolean> =>
  existsSync(kubeconfig) &&
  (
    await execa(await tool('kubectl'), ['get', '--raw', '/readyz', '--request-timeout=4s'], {
      env: { KUBECONFIG: kubeconfig },
      reject: false,
    })
  ).exitCode === 0;

const ready = async (): Promise<boolean> => {
  if (!(await responds()) || !(await nodesRun())) return false;
  const nodes = await kubectl([
    'get',
    'nodes',
    '-o',
    'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}',
  ]);
  const names = (
    await kubectl(['get', 'deploy', '-A', '-o', 'jsonpath={.items[?(@.status.readyReplicas)].metadata.name}'])
  ).split(' ');
  const scales = names.includes('metrics-server') || (await runningEngine())?.own === false;
  return !/False|Unknown/.test(nodes) && names.includes('coredns') && scales && (await systemServes());
};

/**
 * After a node was started again, the API tells of its pods what was before, until the kubelet has looked: true once
 * each container of kube-system is younger than its node, and its pod Ready.
 */
async function systemServes(): Promise<boolean> {
  const docker = await runningEngine();
  if (docker?.own !== true) return true; // the machine's own cluster was not ours to stop
  const inspected = await execa(
    'docker',
    ['inspect', '--format', '{{.Name}} {{.State.StartedAt}}', ...(await nodesOf(docker))],
    { env: docker.env },
  );
  const startOf = new Map(inspected.stdout.split('\n').map((line) => line.slice(1).split(' ') as [string, string]));
  const each =
    '{range .items[*]}{.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}{range .status.containerStatuses[*]} {.state.running.startedAt}{end}{"\\n"}{end}';
  const pods = (await kubectl(['-n', 'kube-system', 'get', 'pods', '-o', `jsonpath=${each}`]))
    .split('\n')
    .filter(Boolean);
  return pods.every((pod) => {
    const [node, ready, ...started] = pod.split(' ');
    const seconds = Math.floor(Date.parse(startOf.get(node!) ?? '') / 1000); // Kubernetes tells no fractions
    return ready === 'True' && started.every((at) => Date.parse(at) / 1000 >= seconds);
  });
}

/** Brings the cluster up. Twice is harmless; after a crash of anything it repairs what is broken. */
export async function up(): Promise<void> {
  if (foreignKubeconfig !== undefined) {
    if (!(await responds())) throw new Advice(`the cluster of KUBECONFIG=${foreignKubeconfig} does not answer`);
    return say('using the cluster of KUBECONFIG');
  }
  if (await ready()) return say(`cluster is up: KUBECONFIG=${kubeconfig}`);
  await requireSpace();
  const docker = await engine();
  const kind = docker.own ? join(await builtTools(), 'kind') : await tool('kind');
  const nodes = await nodesOf(docker);
  if (nodes.length > 0 && !(await repair(docker, nodes))) {
    say('the cluster cannot be repaired: making a new one');
    await execa(kind, ['delete', 'cluster', '--name', CLUSTER_NAME], { env: docker.env });
    nodes.length = 0;
  }
  if (nodes.length === 0) await create(kind, docker);
  if (!(await within(30, responds)))
    throw new Advice(`the API server does not answer on this machine: see ${run}/forward-*.log`);
  await kubectl(['wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=120s']);
  if (!(await within(120, systemServes)))
    throw new Advice(
      'the pods of kube-system do not come back: see `npm run cluster -- exec -- kubectl -n kube-system get pods`',
    );
  await installMetricsServer(docker);
  await kubectl(['-n', 'kube-system', 'rollout', 'status', 'deploy/coredns', '--timeout=120s']);
  say(`cluster is up: KUBECONFIG=${kubeconfig}`);
}

async function create(kind: string, docker: Engine): Promise<void> {
  const config = yaml.load(await readFile(join(root, 'kind-config.yaml'), 'utf8')) as Record<string, unknown>;
  const args = [
    'create',
    'cluster',
    '--name',
    CLUSTER_NAME,
    '--kubeconfig',
    kubeconfig,
    '--wait',
    '180s',
    '--config',
    '-',
  ];
  if (docker.own) {
    args.push('--image', await nodeImage(docker));
    // One port for both sides of the namespace, so that the kubeconfig holds on each.
    config.networking = { apiServerPort: await freePort() };
  }
  say('creating the cluster');
  await mkdir(cache, { recursive: true });
  await execa(kind, args, { env: docker.env, input: yaml.dump(config), stdout: 'ignore', stderr: 'pipe' });
  if (docker.own) await forward();
}

/** Starts stopped nodes and the forwarder again; false when the API server does not come back. */
async function repair(docker: Engine, nodes: string[]): Promise<boolean> {
  say('repairing the cluster');
  await execa('docker', ['start', ...nodes], { env: docker.env, reject: false });
  if (docker.own) await forward();
  for (const node of nodes)
    if (
      !(await within(
        45,
        async () =>
          (await execa('docker', ['exec', node, 'ctr', 'version'], { env: docker.env, reject: false })).exitCode === 0,
      ))
    )
      return false;
  if (!(await within(45, responds))) return false;
  return (
    (
      await execa(await tool('kubectl'), ['wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=60s'], {
        env: { KUBECONFIG: kubeconfig },
        reject: false,
      })
    ).exitCode === 0
  );
}

async function within(seconds: number, check: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(300)) if (await check()) return true;
  return false;
}

async function forward(): Promise<void> {
  const config = yaml.load(await readFile(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] };
  const port = new URL(config.clusters[0]!.cluster.server).port;
  const socket = `unix:${join(run, 'api.sock')}`;
  const node = [process.execPath, '--no-warnings', join(here, 'forward.ts')] as const;
  if (runningPid('forward-inside') === undefined)
    start('forward-inside', [...onEngineNetwork, ...node, socket, `tcp:${port}`]);
  if (runningPid('forward-outside') === undefined) start('forward-outside', [...node, `tcp:${port}`, socket]);
}

/** Without Go and without an image of it there is none: all works but scaling on CPU. */
async function installMetricsServer(docker: Engine): Promise<void> {
  if (!docker.own && !(await hasImage(docker, METRICS_SERVER)) && !(await hasGo()))
    return say('Go is not there to build metrics-server: install it yourself for scaling on CPU');
  await importImage(docker, METRICS_SERVER, await metricsServer());
  await loadImage(METRICS_SERVER);
  await kubectl(['apply', '-f', join(here, 'metrics-server.yaml')]);
  await kubectl(['-n', 'kube-system', 'rollout', 'status', 'deploy/metrics-server', '--timeout=120s']);
}

async function nodesOf(docker: Engine, state: '-a' | '-q' = '-a'): Promise<string[]> {
  const list = await execa(
    'docker',
    ['ps', state, '--filter', `label=io.x-k8s.kind.cluster=${CLUSTER_NAME}`, '--format', '{{.Names}}'],
    { env: docker.env },
  );
  return list.stdout.split('\n').filter(Boolean);
}

/** The API server takes 40 s to call a dead node NotReady; its container is known to be dead at once. */
async function nodesRun(): Promise<boolean> {
  const docker = await runningEngine();
  if (!docker) return false;
  const [all, running] = await Promise.all([nodesOf(docker), nodesOf(docker, '-q')]);
  return all.length > 0 && all.length === running.length;
}

/** Takes down what `up` made; images and built programs stay in the cache. */
export async function down(): Promise<void> {
  if (foreignKubeconfig !== undefined) return say('KUBECONFIG is set: the cluster is yours, nothing is taken down');
  const foreign = await runningEngine();
  const ours = existsSync(join(run, 'dockerd.json')); // an engine was started here
  if (foreign?.own === false || ours) {
    const docker = foreign ?? (await engine()); // a crashed engine is started once more, to delete its containers
    await execa(await tool('kind'), ['delete', 'cluster', '--name', CLUSTER_NAME, '--kubeconfig', kubeconfig], {
      env: docker.env,
    });
  }
  await stop('forward-inside');
  await stop('forward-outside');
  if (ours && foreign?.own !== false) await stopOwn();
  await rm(kubeconfig, { force: true });
  say('cluster is down');
}

/** What runs: engine, nodes and whether the API answers. */
export async function status(): Promise<string> {
  const docker = await runningEngine();
  const engine = docker?.own ? `own, ${OWN.env.DOCKER_HOST}` : 'the machine’s';
  const lines = [`engine: ${docker === undefined ? 'none' : engine}`, `kubeconfig: ${kubeconfig}`];
  lines.push((await responds()) ? await kubectl(['get', 'nodes', '-o', 'wide']) : 'the API server does not answer');
  return lines.join('\n');
}

/** Shell lines that point kubectl, helm and docker at this cluster. */
export async function environment(): Promise<string> {
  const docker = await runningEngine();
  return [
    `export KUBECONFIG=${kubeconfig}`,
    ...(docker?.own ? [`export DOCKER_HOST=${docker.env.DOCKER_HOST}`] : []),
    `export PATH=${join(await tool('kubectl'), '..')}:$PATH`,
  ].join('\n');
}

async function requireSpace(): Promise<void> {
  await mkdir(cache, { recursive: true });
  const disk = await statfs(cache);
  const free = disk.bavail * disk.bsize;
  if (free < COLD_BUILD_BYTES / 4)
    throw new Advice(
      `${cache} has ${(free / 1e9).toFixed(1)} GB free; a cluster wants 3 GB, a first build 12 GB: free some, or set PENSTOCK_CACHE to another disk`,
    );
}
