/**
 * A real API server with Kubernetes' own controllers, the chart's CRDs, roles and policies, and pods that are played:
 * all the operator can tell from a cluster. Operators run on it as processes of their own, which can be killed.
 */
import { execa } from 'execa';
import * as yaml from 'js-yaml';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startControlPlane, type ControlPlane } from '../../../hack/cluster/controlPlane.ts';
import { root } from '../../../hack/cluster/paths.ts';
import { builtTools } from '../../../hack/cluster/tools.ts';
import { KIND } from '../../../operator/api/kinds.ts';
import { Admin, type AnyObject } from './admin.ts';
import { PodPlayer } from './pods.ts';

const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'job-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'ttl-after-finished-controller',
];
export const SYSTEM = 'penstock-system';
export const ACCOUNT = 'penstock-operator';

interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: object[];
}

export interface Stage extends ControlPlane {
  admin: Admin;
  pods: PodPlayer;
  kubectlRun: (args: string[], input?: string) => Promise<string>;
  /**
   * Makes a namespace in which the operator's account has the Role that the chart gives it there; the Lease lies in it,
   * too.
   */
  namespace: (name: string) => Promise<void>;
  /** Address of the API server. */
  server: string;
  /** A token of the operator's own ServiceAccount. */
  token: string;
  /** A pipeline, Service or EndpointSlice as it is now. */
  latest: (
    kind: 'InferencePipeline' | 'Service' | 'EndpointSlice',
    namespace: string,
    name: string,
  ) => AnyObject | undefined;
  /** Tells of every change to the pipelines, Services and Ready pods of a namespace, until the result is called. */
  watchNamespace: (namespace: string, listener: () => void) => () => void;
}

export interface StageOptions {
  audit?: boolean;
  /** The operator watches all namespaces, with the ClusterRole. */
  clusterWide?: boolean;
}

export async function startStage({ audit = false, clusterWide = false }: StageOptions = {}): Promise<Stage> {
  const plane = await startControlPlane({ audit });
  const kubectlRun = async (args: string[], input?: string): Promise<string> =>
    (
      await execa(plane.kubectl, args, {
        env: { KUBECONFIG: plane.kubeconfig },
        ...(input === undefined ? {} : { input }),
      })
    ).stdout;
  const admin = new Admin(plane.kubeconfig);
  const pods = new PodPlayer(admin);
  try {
    await admin.namespace(SYSTEM);
    const confined = await chart('watchNamespaces={stage}');
    const [roles, leases] = [rulesOf(confined, 'stage'), rulesOf(confined, SYSTEM)];
    const objects = (clusterWide ? await chart() : confined).filter(
      ({ kind, metadata }) => kind !== 'Deployment' && metadata.namespace !== 'stage',
    );
    await kubectlRun(['apply', '--server-side', '-f', '-'], objects.map((object) => yaml.dump(object)).join('---\n'));
    await kubectlRun(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=20s']);
    plane.startControllers(CONTROLLERS);
    const token = await kubectlRun(['-n', SYSTEM, 'create', 'token', ACCOUNT, '--duration=6h']);
    const namespace = async (name: string): Promise<void> => {
      await admin.namespace(name);
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}`;
      await admin.call('POST', `${rbac}/roles`, {
        body: { metadata: { name: ACCOUNT }, rules: [...roles, ...leases] },
      });
      await admin.call('POST', `${rbac}/rolebindings`, {
        body: {
          metadata: { name: ACCOUNT },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: ACCOUNT },
          subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: SYSTEM }],
        },
      });
    };
    await pods.start();
    const followed = follow(admin, pods);
    const server = (
      yaml.load(readFileSync(plane.kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] }
    ).clusters[0]!.cluster.server;
    const stop = async (): Promise<void> => {
      pods.stop();
      followed.stop();
      await admin.close();
      await plane.stop();
    };
    return {
      ...plane,
      admin,
      pods,
      kubectlRun,
      namespace,
      server,
      token,
      latest: followed.latest,
      watchNamespace: followed.watchNamespace,
      stop,
    };
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

function follow(admin: Admin, pods: PodPlayer): Pick<Stage, 'latest' | 'watchNamespace'> & { stop: () => void } {
  const stopping = new AbortController();
  const objects = new Map<string, AnyObject>();
  const listeners = new Map<string, () => void>();
  for (const kind of [KIND.pipeline, KIND.service, KIND.endpointSlice])
    void admin.follow(kind, stopping.signal, (type, object) => {
      const { namespace = '', name } = object.metadata;
      const key = `${kind.kind} ${namespace}/${name}`;
      if (type === 'DELETED') objects.delete(key);
      else objects.set(key, object);
      listeners.get(namespace)?.();
    });
  pods.onReady((namespace) => listeners.get(namespace)?.());
  return {
    stop: () => stopping.abort(),
    latest: (kind, namespace, name) => objects.get(`${kind} ${namespace}/${name}`),
    watchNamespace: (namespace, listener) => {
      listeners.set(namespace, listener);
      return () => listeners.delete(namespace);
    },
  };
}

/** The chart as helm renders it. */
export async function chart(...values: string[]): Promise<Rendered[]> {
  const args = [
    'template',
    'penstock',
    join(root, 'charts/penstock'),
    '--namespace',
    SYSTEM,
    '--kube-version',
    '1.37.0',
    '--no-hooks',
    ...values.flatMap((value) => ['--set', value]),
  ];
  const { stdout } = await execa(join(await builtTools(), 'helm'), args);
  return (yaml.loadAll(stdout) as (Rendered | null)[]).filter((object) => object !== null);
}

const rulesOf = (objects: Rendered[], namespace: string): object[] =>
  objects
    .filter(({ kind, metadata }) => kind === 'Role' && metadata.namespace === namespace)
    .flatMap(({ rules }) => rules ?? []);
