/** How long a child of a pipeline stays damaged: deleted, edited, or stripped of its owner reference, one at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LABEL } from '../../../operator/api/labels.ts';
import { KIND } from '../../../operator/api/kinds.ts';
import type { Kind } from '@penstock/kube/api/kinds';
import { same } from '../../property/fault-injection/workloads.ts';
import { waitFor } from '../../support/waitFor.ts';
import type { Admin, AnyObject } from '../../support/control-plane/admin.ts';
import { percentile } from './figures.ts';

/** Children of each kind that are damaged in each way. */
const EACH = 5;

type Damage = (admin: Admin, kind: Kind, child: AnyObject) => Promise<(now: AnyObject | undefined) => boolean>;
/** Of fields that are ours; others may be set by whom it pleases. */
const edits = new Map<Kind, object>([
  [KIND.deployment, { spec: { progressDeadlineSeconds: 7777 } }],
  [KIND.service, { spec: { selector: { [LABEL.revision]: 'none' } } }],
  [KIND.networkPolicy, { spec: { ingress: [] } }],
  [KIND.configMap, { data: { 'traffic.json': '{}' } }],
]);
const change = async (admin: Admin, kind: Kind, { metadata }: AnyObject, body: object): Promise<void> =>
  void (await admin.merge(kind, metadata.namespace!, metadata.name, { body }));

const damages: Damage[] = [
  async (admin, kind, child) => {
    await admin.remove(kind, child.metadata.namespace!, child.metadata.name);
    return (now) => now !== undefined && now.metadata.uid !== child.metadata.uid;
  },
  async (admin, kind, child) => {
    await change(admin, kind, child, edits.get(kind)!);
    return (now) => same(now, child);
  },
  async (admin, kind, child) => {
    await change(admin, kind, child, { metadata: { ownerReferences: null } });
    return (now) => same(now, child);
  },
];

export interface Healing {
  p50: number;
  longest: number;
}

/** In ms, from the answer to the damage until the child is as it was, seen by asking each 5 ms. */
export async function healing(admin: Admin, namespace: string): Promise<Healing> {
  const times: number[] = [];
  for (const kind of edits.keys()) {
    const all = (await admin.list(kind, namespace)).filter(
      ({ metadata, data }) =>
        metadata.labels?.[LABEL.pipeline] !== undefined &&
        (kind !== KIND.configMap || 'traffic.json' in (data as object)),
    );
    for (const [i, damage] of damages.entries()) {
      for (const child of all.slice(i * EACH, (i + 1) * EACH)) {
        const healed = await damage(admin, kind, child);
        const damaged = performance.now();
        await waitFor(async () => healed(await admin.get(kind, namespace, child.metadata.name)), 30_000, {
          what: `${kind.kind} ${child.metadata.name} is healed`,
          everyMs: 5,
        });
        times.push(performance.now() - damaged);
        await sleep(20);
      }
    }
  }
  return { p50: percentile(times, 50), longest: Math.max(...times) };
}
