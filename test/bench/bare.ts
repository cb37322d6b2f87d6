/** The writes of a burst by a bare loop: what this machine's API server takes for them when there is nothing to find out. The echo beside which a burst is measured. */
import { LABEL } from '../../operator/api/labels.ts';
import { KIND } from '../../operator/api/kinds.ts';
import type { KubeObject } from '../../operator/api/objects.ts';
import { pooled } from '../faults/main.ts';
import type { Admin, AnyObject } from '../stage/admin.ts';

const NAMESPACE = 'bare';
const CHILDREN = [KIND.configMap, KIND.service, KIND.networkPolicy, KIND.deployment];

export interface Burst {
  /** Where a burst has been, and its pipelines p-0, p-1, … with models m-0, m-1, … lie. */
  namespace: string;
  pipelines: number;
  clients: number;
}

/** Seconds for as many pipelines as there were, their children and statuses copied from the first, and the usedBy of two models each; nobody watches. */
export async function bareWrites(admin: Admin, { namespace, pipelines, clients }: Burst): Promise<number> {
  await admin.namespace(NAMESPACE);
  const [pipeline, model] = await Promise.all([admin.get(KIND.pipeline, namespace, 'p-0'), admin.get(KIND.modelVersion, namespace, 'm-0')]);
  const children: AnyObject[] = [];
  for (const kind of CHILDREN) children.push(...(await admin.list(kind, namespace)).filter(({ metadata }) => metadata.labels?.[LABEL.pipeline] === 'p-0'));
  const usedBy = (model!.status as { usedBy: { count: number } }).usedBy;
  const started = performance.now();
  await pooled(Array.from({ length: pipelines }, (_, i) => i), clients, async (i) => {
    await admin.create(copy(pipeline!, i));
    for (const name of [`m-${2 * i}`, `m-${2 * i + 1}`]) await admin.merge(KIND.modelVersion, namespace, name, { subresource: 'status', body: { status: { usedBy: { ...usedBy, count: usedBy.count + 1 } } } });
    for (const child of children) await admin.create(copy(child, i));
    await admin.merge(KIND.pipeline, NAMESPACE, `${pipeline!.metadata.name}-${i}`, { subresource: 'status', body: { status: pipeline!.status } });
  });
  return (performance.now() - started) / 1000;
}

/** The same object under another name, without what the server has added. */
function copy({ apiVersion, kind, metadata: { name, labels, annotations }, spec, data, immutable }: AnyObject, i: number): KubeObject {
  const { clusterIP: _ip, clusterIPs: _ips, ...rest } = (spec ?? {}) as Record<string, unknown>;
  return { apiVersion, kind, metadata: { name: `${name}-${i}`, namespace: NAMESPACE, labels, annotations }, ...(spec !== undefined && { spec: rest }), ...(data !== undefined && { data }), ...(immutable !== undefined && { immutable }) } as KubeObject;
}
