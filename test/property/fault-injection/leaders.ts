/**
 * Three operators and one lease: the leader is killed, told to end, or frozen and thawed, again and again, while a user
 * edits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '../../../operator/api/kinds.ts';
import {
  bundle,
  HASTE,
  kubeconfigFor,
  startOperator,
  type OperatorProcess,
} from '../../support/control-plane/operators.ts';
import type { Stage } from '../../support/control-plane/stage.ts';
import { FaultProxy } from './proxy.ts';
import { condition, pipeline, SCRIPT } from './workloads.ts';

export type Kill = 'SIGKILL' | 'SIGTERM' | 'SIGSTOP';
const REPLICAS = 3;
const FROZEN_MS = 13_000;
const FOLLOWED_WITHIN_MS = 20_000;
const EDIT_EVERY_MS = 150;

export interface KillReport {
  kills: { how: Kill; followedMs: number }[];
  /** Writes of an operator that did not hold the lease. */
  deposedWrites: string[];
  edits: number;
  /** The last edit was carried out. */
  converged: boolean;
}

export async function killLeaders(
  stage: Stage,
  namespace: string,
  kills: Kill[],
  onKill: (n: number, how: Kill, ms: number) => void = () => undefined,
): Promise<KillReport> {
  await stage.namespace(namespace);
  const deposedWrites: string[] = [];
  const proxy: FaultProxy = new FaultProxy({ server: stage.server, token: stage.token }, [], {
    kill: () => undefined,
    depose: () => undefined,
    rotate: () => undefined,
    inspect: ({ by, method, resource, name }) => {
      if (by !== proxy.holder)
        deposedWrites.push(
          `${by} wrote ${method} ${resource}/${name} while ${proxy.holder || 'no process'} held the lease`,
        );
    },
  });
  const program = await bundle(HASTE);
  const operators = new Map<string, OperatorProcess>();
  let names = 0;
  let over = false;
  const start = async (): Promise<void> => {
    const identity = `operator-${(names += 1)}`;
    const { kubeconfig } = kubeconfigFor(await proxy.listen(identity), proxy.token);
    const operator = await startOperator({
      bundle: program,
      kubeconfig,
      identity,
      env: { WATCH_NAMESPACES: namespace, POD_NAMESPACE: namespace },
    });
    operators.set(identity, operator);
    void operator.exited.then(() => {
      operators.delete(identity);
      if (!over) void start();
    });
  };
  await Promise.all(Array.from({ length: REPLICAS }, start));
  await changes(proxy, '', FOLLOWED_WITHIN_MS);

  let edits = 0;
  const edit = (): Promise<unknown> =>
    stage.admin.apply(
      pipeline(namespace, {
        target: 'Development',
        scoring: { script: SCRIPT },
        scaling: { minReplicas: 1 + (edits % 3), maxReplicas: 1 + (edits % 3) },
      }),
    );
  const editing = (async () => {
    for (; !over; edits += 1, await sleep(EDIT_EVERY_MS)) await edit();
  })();

  const report: KillReport['kills'] = [];
  for (const [n, how] of kills.entries()) {
    const leader = proxy.holder;
    const operator = operators.get(leader);
    const at = performance.now();
    operator?.child.kill(how);
    await changes(proxy, leader, FOLLOWED_WITHIN_MS);
    const followedMs = performance.now() - at;
    report.push({ how, followedMs });
    onKill(n + 1, how, followedMs);
    if (how === 'SIGSTOP') {
      await sleep(Math.max(0, FROZEN_MS - followedMs));
      operator?.child.kill('SIGCONT');
      await operator?.exited;
    }
    await sleep(1500); // three are there again, and the new leader works
  }
  over = true;
  await editing;
  const converged = await settled(stage, namespace, 1 + ((edits - 1) % 3));
  await Promise.all([...operators.values()].map((operator) => operator.end('SIGKILL')));
  await proxy.close();
  return { kills: report, deposedWrites, edits, converged };
}

/** Resolves when another process than `before` holds the lease. */
async function changes(proxy: FaultProxy, before: string, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(10))
    if (proxy.holder !== '' && proxy.holder !== before) return;
  throw new Error(`no leader followed ${before || 'the start'} within ${ms} ms`);
}

async function settled({ admin }: Stage, namespace: string, pods: number): Promise<boolean> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(100)) {
    const [deployment] = await admin.list(KIND.deployment, namespace);
    if (
      (deployment?.status as { readyReplicas?: number } | undefined)?.readyReplicas === pods &&
      (await condition(admin, KIND.pipeline, namespace, 'UpToDate')).status === 'True'
    )
      return true;
  }
  return false;
}

/** So many kills, the three ways in turn. */
export const mixed = (count: number): Kill[] =>
  Array.from({ length: count }, (_, i) => (['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const)[i % 3]!);
