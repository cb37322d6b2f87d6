/** Runs one story: a folder of numbered steps, in a namespace of its own, as that namespace's admin. */
import { execa } from 'execa';
import * as yaml from 'js-yaml';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kindOf } from '../../operator/api/kinds.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { kubeconfig, kubectl as admin } from '../../hack/cluster/kubectl.ts';
import { root } from '../../hack/cluster/paths.ts';
import { tool } from '../../hack/cluster/tools.ts';
import { Admin } from '../support/control-plane/admin.ts';
import { waitFor } from '../support/waitFor.ts';

const DEFAULT_WITHIN_SECONDS = 60;
const CLIENT_NAMESPACE = 'e2e-client';
/** What kubectl finds out about the API server: the stories share it, each of them asks in a home of its own. */
const KUBECACHEDIR = join(tmpdir(), 'penstock-kubectl');

/** Throws with the step's name, what was wanted and what was there. The namespace is deleted in any case. */
export async function runStory(folder: string): Promise<void> {
  const name = folder.split('/').at(-1)!;
  const namespace = `e2e-${name}`;
  const home = mkdtempSync(join(tmpdir(), `${namespace}-`));
  await admin(['delete', 'namespace', namespace, '--ignore-not-found', '--wait', '--timeout=120s']);
  const place = await placeOf(namespace, home);
  const cluster = clusterObjects(folder, namespace);
  try {
    if (cluster !== undefined) await admin(['apply', '-f', '-'], cluster);
    for (const step of readdirSync(folder)
      .filter((file) => /^\d\d-/.test(file))
      .sort())
      await runStep(join(folder, step), place);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n--- the namespace\n${await dump(namespace)}`, { cause: error });
  } finally {
    if (cluster !== undefined) await admin(['delete', '-f', '-', '--ignore-not-found'], cluster).catch(() => undefined);
    await admin(['delete', 'namespace', namespace, '--wait=false']).catch(() => undefined);
    await place.user.close();
    await rm(home, { recursive: true, force: true });
  }
}

/** Objects of the cluster that a story needs beside its namespace, whose name stands in place of NAMESPACE. */
function clusterObjects(folder: string, namespace: string): string | undefined {
  const file = join(folder, 'cluster.yaml');
  return existsSync(file) ? readFileSync(file, 'utf8').replaceAll('NAMESPACE', namespace) : undefined;
}

interface Place {
  namespace: string;
  /** Of an account with the built-in role admin in the namespace. */
  config: string;
  user: Admin;
  home: string;
}

/** A namespace with restricted Pod Security, and an account with the role admin in it. */
async function placeOf(namespace: string, home: string): Promise<Place> {
  const owner = new Admin(kubeconfig);
  const of = (path: string): string => `/api/v1/namespaces/${namespace}/${path}`;
  await owner.call('POST', '/api/v1/namespaces', {
    body: { metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
  });
  const binding = {
    metadata: { name: 'user' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'user', namespace }],
  };
  await owner.call('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
    body: binding,
  }); // first, since the API server hears of it a moment later
  await owner.call('POST', of('serviceaccounts'), { body: { metadata: { name: 'user' } } });
  const { status } = await owner.call<{ status: { token: string } }>('POST', of('serviceaccounts/user/token'), {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
  });
  await owner.close();
  const file = yaml.load(readFileSync(kubeconfig, 'utf8')) as {
    users: { user: object }[];
    contexts: { context: { namespace?: string } }[];
  };
  file.users[0]!.user = { token: status.token };
  file.contexts[0]!.context.namespace = namespace;
  const config = join(home, 'kubeconfig');
  await writeFile(config, yaml.dump(file));
  return { namespace, config, user: new Admin(config), home };
}

/** The pod that asks for all stories. */
export const startClientOfStories = (scorerImage: string): Promise<void> => startClient(scorerImage, CLIENT_NAMESPACE);
export const endClientOfStories = (): Promise<unknown> =>
  admin(['delete', 'namespace', CLIENT_NAMESPACE, '--ignore-not-found', '--wait=false']);

/** Makes a new namespace, with a pod `client` that has client.mjs. */
export async function startClient(scorerImage: string, namespace: string): Promise<void> {
  const folder = join(root, 'test/e2e/client');
  await admin(['delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s']);
  await admin(['create', 'namespace', namespace]);
  await admin(['-n', namespace, 'create', 'configmap', 'client', `--from-file=${join(folder, 'client.mjs')}`]);
  await admin(
    ['-n', namespace, 'apply', '-f', '-'],
    readFileSync(join(folder, 'pod.yaml'), 'utf8').replace('SCORER_IMAGE', scorerImage),
  );
  await admin(['-n', namespace, 'wait', 'pod/client', '--for=condition=Ready', '--timeout=60s']);
}

async function runStep(file: string, place: Place): Promise<void> {
  const step = file.split('/').at(-1)!;
  const within = Number(/^# within: (\d+)s$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? DEFAULT_WITHIN_SECONDS) * 1000;
  try {
    if (step.endsWith('.sh')) await shell(file, place);
    else if (step.endsWith('-apply.yaml'))
      await execa(await tool('kubectl'), ['apply', '-f', file], { env: { KUBECONFIG: place.config } });
    else if (step.endsWith('-assert.yaml')) await eventually(within, () => assertAll(file, place));
    else throw new Error(`unknown kind of step: name it -apply.yaml, -assert.yaml or .sh`);
  } catch (error) {
    throw new Error(`step ${step}: ${(error as { stdout?: string }).stdout ?? ''}${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function shell(file: string, { namespace, config, home }: Place): Promise<void> {
  const path = `${(await tool('kubectl')).replace(/\/kubectl$/, '')}:${process.env.PATH ?? ''}`;
  await execa('bash', ['-euo', 'pipefail', '-c', `. "${join(root, 'test/e2e/lib.sh')}"; . "${file}"`], {
    cwd: root,
    timeout: 600_000,
    env: {
      KUBECONFIG: config,
      ADMIN_KUBECONFIG: kubeconfig,
      NAMESPACE: namespace,
      CLIENT_NAMESPACE,
      KUBECACHEDIR,
      STORY: join(file, '..'),
      HOME: home,
      PATH: path,
    },
  });
}

async function eventually(ms: number, check: () => Promise<string | undefined>): Promise<void> {
  let problem: string | undefined = 'not checked';
  const holds = async (): Promise<boolean> => (problem = await check()) === undefined;
  await waitFor(holds, ms, { what: () => problem ?? '', everyMs: 1000 });
}

async function assertAll(file: string, { namespace, user }: Place): Promise<string | undefined> {
  for (const wanted of yaml.loadAll(readFileSync(file, 'utf8')) as KubeObject[]) {
    const live = await user.get(kindOf(wanted), namespace, wanted.metadata.name);
    const problem = live ? differs(live, wanted, wanted.kind) : `${wanted.kind} ${wanted.metadata.name} does not exist`;
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/**
 * The first place where `live` has not what `wanted` says; of a list each wanted item must match some live one. Text in
 * /…/ is a pattern.
 */
function differs(live: unknown, wanted: unknown, path: string): string | undefined {
  if (Array.isArray(wanted)) {
    const items = Array.isArray(live) ? live : [];
    const lost: unknown = wanted.find((item) => items.every((one) => differs(one, item, path) !== undefined));
    return lost === undefined
      ? undefined
      : `${path} has no item ${JSON.stringify(lost)}; it is ${JSON.stringify(live)}`;
  }
  if (typeof wanted === 'object' && wanted !== null) {
    for (const [key, value] of Object.entries(wanted)) {
      const problem = differs((live as Record<string, unknown> | undefined)?.[key], value, `${path}.${key}`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  const same =
    typeof wanted === 'string' && /^\/.*\/$/.test(wanted)
      ? new RegExp(wanted.slice(1, -1)).test(String(live))
      : live === wanted;
  return same ? undefined : `${path} is ${JSON.stringify(live)}, want ${JSON.stringify(wanted)}`;
}

async function dump(namespace: string): Promise<string> {
  const parts = [
    ['get', 'ipl,mver,deploy,hpa,pods,jobs', '-o', 'wide'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
  ];
  return (await Promise.all(parts.map((args) => admin(['-n', namespace, ...args]).catch(String))))
    .join('\n')
    .slice(-6000);
}
