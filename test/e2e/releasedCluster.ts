/** What the tests of the release itself share: they are the cluster admin's, and run one after the other. */
import { AssertionError } from 'chai';
import { join } from 'node:path';
import { up } from '../../hack/cluster/cluster.ts';
import { kubectl } from '../../hack/cluster/kubectl.ts';
import { deploy, RELEASE } from '../../hack/cluster/deploy.ts';
import { root } from '../../hack/cluster/paths.ts';
import { waitFor } from '../support/waitFor.ts';
import { NPM_REGISTRY, PACKAGE_INDEX } from './packageIndex.ts';

export const NAMESPACE = 'e2e-release';
export const inNamespace = (...args: string[]): Promise<string> => kubectl(['-n', NAMESPACE, ...args]);

let deployed: ReturnType<typeof deploy> | undefined;

/**
 * The cluster is up and has this checkout's release: made once, since every file leaves it as it found it. Resolves
 * with the images' tags.
 */
export function released(): ReturnType<typeof deploy> {
  return (deployed ??= up().then(() =>
    deploy([`python.indexUrl=${PACKAGE_INDEX}`, `npm.registryUrl=${NPM_REGISTRY}`, 'python.cacheClaim=packages']),
  ));
}

afterEach(function () {
  if (this.currentTest?.state === 'failed') deployed = undefined; // what it left half done is put right
});

/** A namespace with the iris example serving in it. */
export async function irisServes(): Promise<void> {
  await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout=240s']);
  await kubectl(['create', 'namespace', NAMESPACE]);
  await inNamespace(
    'apply',
    '-f',
    join(root, 'examples/iris/01-model.yaml'),
    '-f',
    join(root, 'examples/iris/00-pipeline.yaml'),
  );
  await inNamespace('wait', 'ipl/iris', '--for=condition=UpToDate', '--timeout=270s');
}

/** Name and uid of each pod that works for the pipeline, and how often its containers were started again. */
export const irisPods = (): Promise<string> =>
  inNamespace(
    'get',
    'pods',
    '-l',
    'penstock.dev/pipeline=iris',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.containerStatuses[*].restartCount}{"\\n"}{end}',
  );

/** uid and resourceVersion of every child. */
export const children = (): Promise<string> =>
  inNamespace(
    'get',
    'configmaps,services,deployments,networkpolicies,ipl,mver',
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.resourceVersion}{"\\n"}{end}',
  );

/** Limits are for an idle machine; beside the integration tests everything takes longer. */
const PATIENCE = 3;

/**
 * Resolves with the first result that is not undefined. Rejects with a failed assertion of `attempt` at once, and after
 * `seconds`, times {@link PATIENCE}, with the last error and with what `instead` finds.
 */
export async function eventually<T>(
  seconds: number,
  what: string,
  attempt: () => Promise<T | undefined>,
  instead?: () => Promise<string>,
): Promise<T> {
  let last = '';
  const check = (): Promise<T | undefined> =>
    attempt().catch((error: unknown) => {
      if (error instanceof AssertionError) throw error;
      last = `\n${String(error)}`;
      return undefined;
    });
  try {
    return await waitFor(check, PATIENCE * seconds * 1000, { what: () => what + last, everyMs: 300 });
  } catch (error) {
    if (error instanceof AssertionError || !instead) throw error;
    throw new Error(`${(error as Error).message}\n${await instead().catch(String)}`, { cause: error });
  }
}

const operator = (...args: string[]): Promise<string> => kubectl(['-n', RELEASE.namespace, ...args]);

/** The metrics of the operator pod that leads now. */
export async function leader(): Promise<{ pod: string; metrics: string } | undefined> {
  const pods = (
    await operator(
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=operator',
      '--field-selector=status.phase=Running',
      '-o',
      'jsonpath={.items[*].metadata.name}',
    )
  ).split(' ');
  for (const pod of pods) {
    const metrics = await kubectl([
      'get',
      '--raw',
      `/api/v1/namespaces/${RELEASE.namespace}/pods/${pod}:8081/proxy/metrics`,
    ]).catch(() => '');
    if (metrics.includes('penstock_operator_leader 1')) return { pod, metrics };
  }
  return undefined;
}

/** Writes to anything but the Lease and Events. */
export const writesIn = (metrics: string): string[] =>
  [...metrics.matchAll(/^penstock_operator_writes_total\{.*kind="(?!Lease|Event)[^"]*"\} .*$/gm)].map(([line]) => line);
export const operatorPods = operator;
