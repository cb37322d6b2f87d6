/**
 * The writes of a burst by a bare loop: what this machine's API server takes for them when there is nothing to find
 * out. The echo beside which a burst is measured.
 */
import { LABEL } from '../../../operator/api/labels.ts';
import { KIND } from '../../../operator/api/kinds.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import { names } from '../../../operator/desired/names.ts';
import { pooled } from '../../property/fault-injection/main.ts';
import type { Admin, AnyObject } from '../../support/control-plane/admin.ts';

/** Where the copies go. The caller creates it. */
export const BARE = 'bare';
const CHILDREN = [KIND.configMap, KIND.service, KIND.networkPolicy, KIND.deployment];

export interface Burst {
  /** Where a burst has been, and its pipelines p-0, p-1, … with models m-0, m-1, … lie. */
  namespace: string;
  pipelines: number;
  clients: number;
}

/**
 * Seconds for as many pipelines as there were, their children and statuses copied from the first, and the usedBy of two
 * models each, without a watch.
 */
export async function bareWrites(admin: Admin, { namespace, pipelines, clients }: Burst): Promise<number> {
  const [pipeline, model, children] = await Promise.all([
    admin.get(KIND.pipeline, namespace, 'p-0'),
    admin.get(KIND.modelVersion, namespace, 'm-0'),
    childrenOf(admin, namespace),
  ]);
  const usedBy = (model!.status as { usedBy: { count: number } }).usedBy;
  const started = performance.now();
  await pooled(
    Array.from({ length: pipelines }, (_, i) => i),
    clients,
    async (i) => {
      await admin.create(copy(pipeline!, i));
      for (const name of [`m-${2 * i}`, `m-${2 * i + 1}`])
        await admin.merge(KIND.modelVersion, namespace, name, {
          subresource: 'status',
          body: { status: { usedBy: { ...usedBy, count: usedBy.count + 1 } } },
        });
      for (const child of children) await admin.create(copy(child, i));
      await admin.merge(KIND.pipeline, BARE, `${pipeline!.metadata.name}-${i}`, {
        subresource: 'status',
        body: { status: pipeline!.status },
      });
    },
  );
  return (performance.now() - started) / 1000;
}

/** The children of one pipeline after the other. */
export interface BareChildren {
  /** Makes the i-th in the order of the operator's writes, without any reads. */
  make: (i: number) => Promise<void>;
  deploymentOf: (i: number) => string;
}

/** Copied from the children of p-0. */
export async function bareChildren(admin: Admin, namespace: string): Promise<BareChildren> {
  const children = await childrenOf(admin, namespace);
  const [deployments, others] = [
    children.filter(({ kind }) => kind === 'Deployment'),
    children.filter(({ kind }) => kind !== 'Deployment'),
  ];
  const isTraffic = ({ metadata }: AnyObject): boolean => metadata.name === names.traffic('p-0');
  const strides = [others.filter((child) => !isTraffic(child)), others.filter(isTraffic), deployments];
  return {
    make: async (i) => {
      for (const stride of strides) await Promise.all(stride.map((child) => admin.create(copy(child, `one-${i}`))));
    },
    deploymentOf: (i) => copy(deployments[0]!, `one-${i}`).metadata.name,
  };
}

async function childrenOf(admin: Admin, namespace: string): Promise<AnyObject[]> {
  const lists = await Promise.all(CHILDREN.map((kind) => admin.list(kind, namespace)));
  return lists.flat().filter(({ metadata }) => metadata.labels?.[LABEL.pipeline] === 'p-0');
}

/**
 * The same object under another name, without what the server has added, and without the label by which an operator
 * would see it.
 */
function copy(
  { apiVersion, kind, metadata: { name, labels, annotations }, spec, data, immutable }: AnyObject,
  as: number | string,
): KubeObject {
  const { clusterIP: _ip, clusterIPs: _ips, ...rest } = (spec ?? {}) as Record<string, unknown>;
  const { [LABEL.managedBy]: _ours, ...others } = labels ?? {};
  return {
    apiVersion,
    kind,
    metadata: { name: `${name}-${as}`, namespace: BARE, labels: others, annotations },
    ...(spec !== undefined && { spec: rest }),
    ...(data !== undefined && { data }),
    ...(immutable !== undefined && { immutable }),
  } as KubeObject;
}
