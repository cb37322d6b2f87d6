/** The whole operator as one value: caches, queues, controllers, leadership. Started by main.ts, and by tests. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'winston';
import { Registry } from 'prom-client';
import type { Config } from './config.ts';
import { runController } from './controller/controller.ts';
import { wireModelVersions, wirePipelines } from './controller/wiring.ts';
import { keyOf } from './api/flow.ts';
import { KubeClient } from './kube/client.ts';
import { EventRecorder } from './kube/events.ts';
import { Kube } from './kube/kube.ts';
import { LeaderLease } from './kube/lease.ts';
import { kubeConfig, Pool } from './kube/pool.ts';
import { healthServer } from './observability/http.ts';
import { operatorMetrics } from './observability/metrics.ts';
import { WorkQueue } from './queue/workqueue.ts';
import type { Deps } from './reconcile/deps.ts';
import { KeyStore } from './reconcile/keyStore.ts';
import { reconcileModelVersion } from './reconcile/modelversion.ts';
import { reconcilePipeline } from './reconcile/pipeline.ts';
import { ScriptStore } from './reconcile/scriptStore.ts';

const RESYNC_MS = 600_000;
const SILENCE_MS = 600_000;

/** Runs until `signal` ends it (then the lease is released) or leadership is lost (then it throws). */
export async function runOperator(config: Config, logger: Logger, signal: AbortSignal): Promise<void> {
  const registry = new Registry();
  const metrics = operatorMetrics(registry);
  const onError = (error: unknown): void => {
    metrics.watchErrors.inc();
    logger.warn('call to the API server failed', { error: error instanceof Error ? error.message : String(error) });
  };
  const pool = new Pool(kubeConfig(config.kubeconfig));
  const client = new KubeClient(pool, (method, kind) => metrics.writes.inc({ method, kind }));
  const kube = new Kube(client, config.watchNamespaces, onError);
  const deps: Deps = { kube, events: new EventRecorder(client, config.identity, onError), keys: new KeyStore(client), scripts: new ScriptStore(client), config, now: Date.now };
  const queues = { pipelines: new WorkQueue(), modelVersions: new WorkQueue() };
  wirePipelines(kube.caches, queues.pipelines);
  wireModelVersions(kube.caches, queues.modelVersions);

  const http = healthServer({ healthy: () => (kube.silentMs > SILENCE_MS ? `no word from the API server for ${Math.round(kube.silentMs / 1000)} s` : undefined), ready: () => (kube.synced ? undefined : 'caches are not filled yet') }, registry);
  http.listen(config.httpPort);
  const watching = new AbortController();
  const watches = kube.run(watching.signal);
  try {
    const lease = new LeaderLease(client, { namespace: config.namespace, name: 'penstock-operator', identity: config.identity, onError });
    await untilSynced(kube, signal);
    if (!(await lease.acquire(signal))) return;
    logger.info('leading', { identity: config.identity });
    metrics.leader.set(1);
    const resync = setInterval(() => enqueueAll(kube, queues), RESYNC_MS);
    const controllers = [
      runController({ name: 'pipeline', queue: queues.pipelines, reconcile: (key) => reconcilePipeline(key, deps), workers: config.workers, logger, metrics }),
      runController({ name: 'modelversion', queue: queues.modelVersions, reconcile: (key) => reconcileModelVersion(key, deps), workers: 2, logger, metrics }),
    ];
    await lease.hold(signal);
    clearInterval(resync);
    metrics.leader.set(0);
    if (!signal.aborted) throw new Error('the lease was lost: another replica may lead, so this one ends'); // no further write
    for (const queue of Object.values(queues)) queue.shutDown();
    await Promise.all(controllers);
    await lease.release();
  } finally {
    watching.abort();
    http.close();
    await watches;
    await pool.close();
  }
}

async function untilSynced(kube: Kube, signal: AbortSignal): Promise<void> {
  while (!kube.synced && !signal.aborted) await sleep(20);
}

/** The net under the watches: each object is looked at again, spread over a minute. */
function enqueueAll({ caches }: Kube, queues: Record<'pipelines' | 'modelVersions', WorkQueue>): void {
  for (const name of ['pipelines', 'modelVersions'] as const) {
    for (const { metadata } of caches[name].values()) queues[name].addAfter(keyOf(metadata.namespace ?? '', metadata.name), Math.random() * 60_000);
  }
}
