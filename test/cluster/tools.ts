/** The programs a cluster needs, built from Go modules once and cached; on a machine that has them, its own. */
import { execa } from 'execa';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { here, KUBERNETES_VERSION, toolsDir } from './paths.ts';
import { Advice, say } from './say.ts';

const VERSION_PACKAGE = 'k8s.io/component-base/version';
const [major, minor] = KUBERNETES_VERSION.slice(1).split('.');
const LDFLAGS = `-s -w -X ${VERSION_PACKAGE}.gitVersion=${KUBERNETES_VERSION} -X ${VERSION_PACKAGE}.gitMajor=${major} -X ${VERSION_PACKAGE}.gitMinor=${minor}`;
const goEnv = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

/** Folder with all programs, built if it is not there: 10 to 20 minutes on two cores the first time. */
export async function builtTools(): Promise<string> {
  if (await exists(toolsDir)) return toolsDir;
  await requireGo();
  const partial = `${toolsDir}.partial`;
  await mkdir(partial, { recursive: true });
  say('building Kubernetes, etcd, containerd, kind, helm and metrics-server from Go modules (once; 10 to 20 minutes on two cores)');
  await goBuild(['-o', `${partial}/`, 'tool']);
  await goBuild(['-o', join(partial, 'helm3'), 'helm.sh/helm/v3/cmd/helm']);
  await execa('go', ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(partial, 'pause'), './node-image/pause'], { cwd: here, env: goEnv });
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

/** Copies a program out of the tools into `folder`, for an image that holds just it. */
export async function copyTool(name: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile(join(await builtTools(), name), join(folder, name));
}

async function requireGo(): Promise<void> {
  const go = await execa('go', ['version'], { reject: false });
  if (go.exitCode !== 0) throw new Advice('kind, kubectl or helm are missing and Go is not there to build them: install Go 1.26 or newer, or those three programs');
}

/** `go build` with a line of progress every ten seconds: the packages compiled so far. */
async function goBuild(args: string[]): Promise<void> {
  let compiled = 0;
  const ticker = setInterval(() => say(`  ${compiled} packages compiled`), 10_000);
  try {
    const build = execa('nice', ['-n', '10', 'go', 'build', '-v', '-trimpath', '-ldflags', LDFLAGS, ...args], { cwd: here, env: goEnv, reject: false, buffer: { stdout: false }, all: false });
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
