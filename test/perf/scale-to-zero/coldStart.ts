/**
 * What a cold start consists of: each part ends when the API server tells of it, or the client has its answer. All on
 * one machine's clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { KIND } from '../../../operator/api/kinds.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import { isReady } from '@penstock/kube/api/pods';
import { readyAddresses } from '../../../operator/api/endpointSlices.ts';
import type { Stored } from '@penstock/kube/api/objects';
import { kubeconfig } from '../../../hack/cluster/kubectl.ts';
import { Admin } from '../../support/control-plane/admin.ts';
import type { Sleepers } from './sleepers.ts';

export const PARTS = [
  'wake: a pod exists',
  'schedule',
  'start: the first container runs',
  'fetch and verify the model',
  'init: the scorer is Ready',
  'route: the Service knows it',
  'forward: the answer is there',
] as const;
/** Milliseconds of each part, and of the whole as the client saw it. */
export type ColdStart = Record<(typeof PARTS)[number] | 'whole', number>;

/** One cold start of a pipeline that is at zero. */
export async function coldStart(place: Sleepers, name: string, body: string): Promise<ColdStart> {
  const admin = new Admin(kubeconfig);
  const stop = new AbortController();
  const at: Partial<Record<(typeof PARTS)[number], number>> = {};
  const note = (part: (typeof PARTS)[number], is: boolean | undefined): void => void (is && (at[part] ??= Date.now()));
  const ours = ({ metadata }: Stored<object>): boolean =>
    metadata.namespace === place.namespace && metadata.labels?.[LABEL.pipeline] === name;
  void admin.follow(KIND.pod, stop.signal, (_, object) => {
    const pod = object as unknown as Stored<Pod>;
    if (!ours(pod) || pod.metadata.deletionTimestamp !== undefined) return;
    const inits = pod.status?.initContainerStatuses ?? [];
    const main = pod.status?.containerStatuses?.[0];
    note(PARTS[0], true);
    note(PARTS[1], pod.spec?.nodeName !== undefined);
    note(
      PARTS[2],
      [...inits, ...(main ? [main] : [])].some(({ state }) => state?.running ?? state?.terminated),
    );
    note(PARTS[3], main?.state?.running !== undefined);
    note(PARTS[4], isReady(pod));
  });
  void admin.follow(KIND.endpointSlice, stop.signal, (_, object) => {
    const slice = object as unknown as Stored<EndpointSlice>;
    if (ours(slice) && slice.metadata.labels?.[LABEL.role] === undefined)
      note(PARTS[5], at[PARTS[0]] !== undefined && readyAddresses(slice).length > 0);
  });
  await sleep(1000); // both watches are open
  const { sentAt, answeredAt, status } = await place.client<{ sentAt: number; answeredAt: number; status: number }>(
    'request',
    'POST',
    `http://${name}/score`,
    body,
    '{}',
    'patient',
  );
  if (status !== 200) throw new Error(`the answer was ${status}`);
  await sleep(300);
  stop.abort();
  await admin.close();
  const parts = PARTS.map((part, i): [string, number] => {
    const end = i === PARTS.length - 1 ? answeredAt : at[part];
    const begin = i === 0 ? sentAt : at[PARTS[i - 1]!];
    if (end === undefined || begin === undefined) throw new Error(`nothing told of "${part}"`);
    return [part, Math.max(0, end - begin)];
  });
  return { ...(Object.fromEntries(parts) as ColdStart), whole: answeredAt - sentAt };
}
