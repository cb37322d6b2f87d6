/** The whole operator: caches, queues, controllers, leader election. Started by main.ts and by tests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { Logger } from '@penstock/server/logger';
import { Registry } from 'prom-client';
import type { Config } from './config.ts';
import { runController } from '@penstock/kube/controller/controller';
import { followKeyChanges } from './triggers/keyChanges.ts';
import { wireActivators, wireModelVersions, wirePipelines } from './triggers/wiring.ts';
import { joinKey } from '@penstock/kube/api/keys';
import { CLIENT_PROFILE } from './api/kinds.ts';
import { LABEL } from './api/labels.ts';
import { canScaleToZero } from './desired/effective.ts';
import { KubeClient } from '@penstock/kube/client/client';
import { EventRecorder } from '@penstock/kube/client/events';
import { Kube } from './caches/kube.ts';
import { MetricsApi, type MetricsApiOptions } from './metricsapi/metricsApi.ts';
import { OFF_MESSAGE } from './metricsapi/registration.ts';
import { Scorers } from './scorers/stats.ts';
import { LeaderLease } from '@penstock/kube/client/lease';
import { LeadershipGate } from '@penstock/kube/client/leadershipGate';
import { kubeConfig, Pool } from '@penstock/kube/client/pool';
import { aborted, isAborted } from '@penstock/kube/client/signals';
import { healthServer } from '@penstock/server/healthServer';
import { healthRoutes } from './health.ts';
import { enqueueAll, KINDS, newQueues } from './queues.ts';
import { operatorMetrics, type OperatorMetrics } from './metrics.ts';
import { WorkQueue } from '@penstock/kube/controller/workqueue';
import { reconcileModelVersion } from './reconcile/modelversion.ts';
import { reconcilePipeline } from './reconcile/pipeline.ts';
import { newDeps } from './reconcile/deps.ts';

/** Time for running reconciles after SIGTERM; terminationGracePeriodSeconds of the pod is 30. */
const SHUTDOWN_TIMEOUT_MS = 20_000;
/**
 * Controllers wait this long to learn who serves the metrics API, so that no autoscaler is created only to be deleted.
 */
const METRICS_API_WAIT_MS = 5_000;
const METRICS_API = 'metricsapi';
/** Warnings of pods produce no watch event, so pods are asked for them: every two minutes by default. */
const SWEEPS_PER_RESYNC = 5;
/** Share of V8's heap limit for cached objects. A pipeline with its children and one pod takes some 45 KiB. */
const CACHE_SHARE = 0.6;
const HEALTH_LIMITS = { connections: 128, keepAliveMs: 5_000 };

/** Runs until `signal` is aborted, then releases the lease. Rejects when leadership is lost. */
export async function runOperator(config: Config, logger: Logger, signal: AbortSignal): Promise<void> {
  const registry = new Registry();
  const metrics = operatorMetrics(registry);
  const onError = (error: unknown): void => {
    metrics.watchErrors.inc();
    logger.warn('call to the API server failed', { error: error instanceof Error ? error.message : String(error) });
  };
  const pool = new Pool(() => kubeConfig(config.kubeconfig));
  const leadership = new LeadershipGate();
  const client = new KubeClient(pool, CLIENT_PROFILE, {
    callTimeoutMs: config.callTimeoutMs,
    onWrite: (method, kind, path) => {
      metrics.writes.inc({ method, kind });
      if (logger.isDebugEnabled()) logger.debug('write', { method, kind, path });
    },
    mayWrite: () => leadership.open,
  });
  const lease = new LeaderLease(client, leadership, {
    namespace: config.namespace,
    name: 'penstock-operator',
    identity: config.identity,
    onError,
  });
  const kube = new Kube(client, {
    namespaces: config.watchNamespaces,
    operatorNamespace: config.namespace,
    idleMs: config.watchIdleMs,
    cacheBytes: CACHE_SHARE * getHeapStatistics().heap_size_limit,
    onError,
  });
  const queues = newQueues(metrics);
  const scorers = new Scorers(undefined, undefined, ({ metadata: { namespace = '', labels } }) =>
    queues.pipelines.add(joinKey(namespace, labels?.[LABEL.pipeline] ?? '')),
  );
  const metricsApi = newMetricsApi(config, {
    client,
    kube,
    scorers,
    onError,
    onChange: () => enqueueAll(kube.caches, queues, 0),
  });
  const noConcurrency = (): string | undefined => {
    if (metricsApi) return metricsApi.missing;
    return config.metricsApi === 'auto' ? OFF_MESSAGE : undefined;
  };
  const deps = newDeps({
    kube,
    config,
    refreshes: { most: config.refreshesAtOnce, onFree: (pipeline) => queues.pipelines.add(pipeline) },
    noConcurrency,
    scorers,
    events: new EventRecorder(client, { controller: 'penstock.dev/operator', instance: config.identity }, onError),
    log: (line) => void logger.info(line),
  });
  wirePipelines(kube.caches, queues);
  wireActivators(kube.caches, queues.pipelines, canScaleToZero);
  wireModelVersions(kube.caches, queues.modelVersions);

  const http = healthServer(
    { ...healthRoutes(kube, queues, { metrics, signal, scorerImage: config.scorerImage }), registry },
    HEALTH_LIMITS,
  );
  http.listen(config.httpPort);
  const watching = new AbortController();
  const watches = Promise.all([
    kube.run(watching.signal),
    metricsApi?.serve(watching.signal),
    followKeyChanges(
      { keys: deps.keys, onChange: (pipeline) => queues.pipelines.add(pipeline), onError },
      watching.signal,
    ),
  ]);
  try {
    await Promise.race([kube.whenSynced, aborted(signal)]);
    if (!(await lease.acquire(signal))) return;
    logger.info('leading', { identity: config.identity });
    metrics.leader.set(1);
    const resync = setInterval(() => enqueueAll(kube.caches, queues, config.resyncMs / 10), config.resyncMs);
    const sweep = setInterval(
      () =>
        void scorers.sweep(
          [...kube.caches.pods.values()].filter(({ metadata }) => metadata.labels?.[LABEL.revision] !== undefined),
        ),
      config.resyncMs / SWEEPS_PER_RESYNC,
    );
    const registering = metricsApi && register(metricsApi, { logger, metrics, signal: watching.signal });
    await Promise.race([registering?.known, sleep(METRICS_API_WAIT_MS, undefined, { ref: false })]);
    const controllers = Promise.all([
      runController({
        name: KINDS.pipelines,
        queue: queues.pipelines,
        reconcile: (key) => reconcilePipeline(key, deps),
        workers: config.workers,
        logger,
        metrics,
      }),
      runController({
        name: KINDS.modelVersions,
        queue: queues.modelVersions,
        reconcile: (key) => reconcileModelVersion(key, deps),
        workers: config.workers,
        logger,
        metrics,
      }),
    ]);
    await lease.hold(signal);
    clearInterval(resync);
    clearInterval(sweep);
    metrics.leader.set(0);
    if (!isAborted(signal)) throw new Error('the lease was lost: another replica may lead, so this one ends');
    for (const queue of [...Object.values(queues), ...(registering ? [registering.queue] : [])]) queue.shutDown();
    await Promise.race([controllers, sleep(SHUTDOWN_TIMEOUT_MS, undefined, { ref: false })]);
    await lease.release();
  } finally {
    watching.abort();
    http.close();
    await watches;
    await pool.close();
  }
}

/** Undefined when the settings switch it off; by default also when the operator watches some namespaces only. */
function newMetricsApi(
  config: Config,
  deps: Pick<MetricsApiOptions, 'client' | 'scorers' | 'onError' | 'onChange'> & { kube: Kube },
): MetricsApi | undefined {
  const { metricsApi: mode, watchNamespaces } = config;
  if (mode === 'false' || (mode === 'auto' && watchNamespaces.length > 0)) return undefined;
  const service = { namespace: config.namespace, name: config.metricsService };
  return new MetricsApi({
    ...deps,
    mode,
    service,
    owner: config.metricsOwner,
    port: config.metricsPort,
    watchIdleMs: config.watchIdleMs,
    pods: () => deps.kube.caches.pods.values(),
  });
}

/** The leader registers the metrics API, as a controller with one key. `known` resolves after its first reconcile. */
function register(
  metricsApi: MetricsApi,
  { logger, metrics, signal }: { logger: Logger; metrics: OperatorMetrics; signal: AbortSignal },
): { queue: WorkQueue; known: Promise<unknown> } {
  const queue = new WorkQueue();
  const { promise: known, resolve } = Promise.withResolvers<unknown>();
  void metricsApi.watch(signal, () => queue.add(METRICS_API));
  void runController({
    name: METRICS_API,
    queue,
    reconcile: () => metricsApi.reconcile().finally(() => resolve(undefined)),
    workers: 1,
    logger,
    metrics,
  });
  return { queue, known };
}
