/** The programs a cluster needs, built from Go modules once and cached; on a machine that has them, its own. */
import { execa } from 'execa';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { cache, here, keyOf, KUBERNETES_VERSION, OLDEST_KUBERNETES, toolsDir } from './paths.ts';
import { alone } from './processes.ts';
import { Advice, say } from './say.ts';

const VERSION_PACKAGE = 'k8s.io/component-base/version';
/** Flags of the linker that write a version of Kubernetes into its programs. */
function ldflags(version: string): string {
  const [major, minor] = version.slice(1).split('.');
  return `-s -w -X ${VERSION_PACKAGE}.gitVersion=${version} -X ${VERSION_PACKAGE}.gitMajor=${major} -X ${VERSION_PACKAGE}.gitMinor=${minor}`;
}
const goEnv = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Folder with all programs, built if it is not there: 10 to 20 minutes on two cores the first time. */
export async function builtTools(): Promise<string> {
  if (await exists(toolsDir)) return toolsDir;
  await requireGo();
  await alone('build-tools');
  if (await exists(toolsDir)) return toolsDir;
  const partial = `${toolsDir}.partial`;
  await mkdir(partial, { recursive: true });
  say(
    'building Kubernetes, etcd, containerd, kind, helm and metrics-server from Go modules (once; 10 to 20 minutes on two cores)',
  );
  await goBuild(['-o', `${partial}/`, 'tool']);
  await goBuild(['-o', join(partial, 'helm3'), 'helm.sh/helm/v3/cmd/helm']);
  await execa('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(partial, 'pause'), './node-image/pause'], {
    cwd: here,
    env: goEnv,
  });
  await rename(join(partial, 'server'), join(partial, 'etcd'));
  await rm(toolsDir, { recursive: true, force: true });
  await rename(partial, toolsDir);
  return toolsDir;
}

/** Path of one program: the machine's own if it has one (a laptop with kind and kubectl keeps them), else ours. */
export async function tool(name: 'kind' | 'kubectl' | 'helm'): Promise<string> {
  if (await exists(toolsDir)) return join(toolsDir, name);
  const found = await execa('which', [name], { reject: false });
  return found.exitCode === 0 ? found.stdout : join(await builtTools(), name);
}

/** Path of metrics-server as a static Linux program, for an image that holds just it: of the tools, or built alone. */
export async function metricsServer(): Promise<string> {
  if (await exists(toolsDir)) return join(toolsDir, 'metrics-server');
  const program = join(`${toolsDir}-linux`, 'metrics-server');
  if (await exists(program)) return program;
  say('building metrics-server from its Go module (once; a minute or two)');
  await mkdir(`${toolsDir}-linux`, { recursive: true });
  await execa(
    'go',
    ['build', '-trimpath', '-ldflags', '-s -w', '-o', program, 'sigs.k8s.io/metrics-server/cmd/metrics-server'],
    { cwd: here, env: { ...goEnv, GOOS: 'linux' } },
  );
  return program;
}

/** Path of a program that reads objects as Flux and helm do, built when its source changes. */
export async function kstatus(): Promise<string> {
  const source = join(here, 'kstatus', 'main.go');
  const program = join(`${await builtTools()}-kstatus-${keyOf(source)}`, 'kstatus');
  if (await exists(program)) return program;
  say('building kstatus from its Go module (once; half a minute)');
  await execa('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', program, './kstatus'], { cwd: here, env: goEnv });
  return program;
}

/**
 * Path of the program that enforces NetworkPolicies on a node; a module of its own, since its versions are not
 * Kubernetes' of today.
 */
export async function networkPolicies(): Promise<string> {
  const module = join(here, 'network-policies');
  const program = join(
    `${await builtTools()}-network-policies-${keyOf(join(module, 'go.mod'), join(module, 'go.sum'))}`,
    'kube-network-policies',
  );
  if (await exists(program)) return program;
  say('building kube-network-policies from its Go module (once; three minutes on two cores)');
  await execa(
    'nice',
    [
      '-n',
      '10',
      'go',
      'build',
      '-trimpath',
      '-ldflags',
      '-s -w',
      '-o',
      program,
      'sigs.k8s.io/kube-network-policies/cmd',
    ],
    { cwd: module, env: goEnv },
  );
  return program;
}

/**
 * Folder with kube-apiserver and kube-controller-manager of the oldest Kubernetes that the chart allows, from a Go
 * module of its own.
 */
export async function oldestControlPlane(): Promise<string> {
  const module = join(here, 'kubernetes-1.31');
  const programs = join(cache, `${OLDEST_KUBERNETES}-${keyOf(join(module, 'go.mod'), join(module, 'go.sum'))}`);
  if (await exists(programs)) return programs;
  await requireGo();
  say(`building the control plane of Kubernetes ${OLDEST_KUBERNETES} from its Go module (once; some minutes)`);
  await goBuild(['-o', `${programs}.partial/`, 'tool'], { module, version: OLDEST_KUBERNETES });
  await rename(`${programs}.partial`, programs);
  return programs;
}

export const hasGo = async (): Promise<boolean> => (await execa('go', ['version'], { reject: false })).exitCode === 0;

async function requireGo(): Promise<void> {
  if (!(await hasGo()))
    throw new Advice(
      'kind, kubectl or helm are missing and Go is not there to build them: install Go 1.26 or newer, or those three programs',
    );
}

/** `go build` with a line of progress every ten seconds: the packages compiled so far. */
async function goBuild(args: string[], { module = here, version = KUBERNETES_VERSION } = {}): Promise<void> {
  let compiled = 0;
  const ticker = setInterval(() => say(`  ${compiled} packages compiled`), 10_000);
  try {
    const build = execa('nice', ['-n', '10', 'go', 'build', '-v', '-trimpath', '-ldflags', ldflags(version), ...args], {
      cwd: module,
      env: goEnv,
      reject: false,
      buffer: { stdout: false },
      all: false,
    });
    const tail: string[] = [];
    for await (const line of createInterface({ input: build.stderr })) {
      compiled += 1;
      tail.push(line);
      if (tail.length > 20) tail.shift();
    }
    if ((await build).exitCode !== 0) throw new Advice(`go build failed:\n${tail.join('\n')}`);
  } finally {
    clearInterval(ticker);
  }
}
