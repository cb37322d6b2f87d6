/**
 * The kubelet's understudy: pods that controllers make become Running and Ready, or fail as a container would. The
 * variable STAGE of a pipeline says how; verifications hash what is really in their ConfigMap.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ENV, type FetchItem, type ScorerStats } from '@penstock/contract';
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';
import { KIND } from '../../../operator/api/kinds.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import { isReady } from '@penstock/kube/api/pods';
import type { Admin } from './admin.ts';

/** `ready`, `init-fails` (five times), or `never` (stays as it is). */
export type Play = 'ready' | 'init-fails' | 'never';
const FAILURES = 5;
const FAILURE = 'UserScriptInitFailed: no such file: weights.bin (score.ts:3)';

/** No process listens there: see HASTE. */
const POD_IP = '10.9.0.1';
const IDLE: ScorerStats = {
  revision: '',
  phase: 'Ready',
  inFlight: 0,
  concurrency: 0,
  requestsPerSecond: 0,
  idleSeconds: 3600,
};

export class PodPlayer {
  readonly #admin: Admin;
  readonly #stats = createServer((_, response) => response.end(JSON.stringify(IDLE)));
  readonly #stop = new AbortController();
  readonly #begun = new Set<string>();
  /** Ready pods by namespace and revision, for who watches over safety. */
  readonly ready = new Map<string, Set<string>>();
  #onReady: (namespace: string) => void = () => undefined;

  constructor(admin: Admin) {
    this.#admin = admin;
  }

  /** Where every pod says that it has been idle for an hour. */
  get statsPort(): number {
    return (this.#stats.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    await once(this.#stats.listen(0, '127.0.0.1'), 'listening');
    void this.#admin.follow(KIND.pod, this.#stop.signal, (type, object) => this.#seen(type, object));
  }

  stop(): void {
    this.#stop.abort();
    this.#stats.close();
    this.#stats.closeAllConnections();
  }

  /** Told whenever the number of Ready pods of a namespace has changed. */
  onReady(listener: (namespace: string) => void): void {
    this.#onReady = listener;
  }

  readyPods(namespace: string, revision: string): number {
    return this.ready.get(`${namespace}/${revision}`)?.size ?? 0;
  }

  #seen(type: string, pod: Stored<Pod>): void {
    const { uid = '', namespace = '', labels = {} } = pod.metadata;
    if (labels[LABEL.managedBy] !== 'penstock') return;
    this.#count(type, pod);
    if (type === 'DELETED') return void this.#begun.delete(uid);
    if (this.#begun.has(uid)) return;
    this.#begun.add(uid);
    const play = labels[LABEL.modelVersion] === undefined ? this.#serve(pod) : this.#verify(pod);
    play.catch((error: unknown) => {
      if (!this.#stop.signal.aborted && (error as { code?: number }).code !== 404)
        console.error(`playing ${namespace}/${pod.metadata.name}: ${(error as Error).message}`);
    });
  }

  #count(type: string, pod: Stored<Pod>): void {
    const { namespace = '', uid = '', labels = {} } = pod.metadata;
    const revision = labels[LABEL.revision];
    if (revision === undefined) return;
    const key = `${namespace}/${revision}`;
    const pods = this.ready.get(key) ?? new Set();
    const before = pods.size;
    if (type !== 'DELETED' && isReady(pod)) pods.add(uid);
    else pods.delete(uid);
    this.ready.set(key, pods);
    if (pods.size !== before) this.#onReady(namespace);
  }

  async #serve(pod: Stored<Pod>): Promise<void> {
    const container = pod.spec!.containers[0]!;
    const play = (container.env?.find(({ name }) => name === 'STAGE')?.value ?? 'ready') as Play;
    if (play === 'never') return;
    if (play === 'ready')
      return this.#status(pod, 'Running', { ready: true, state: { running: { startedAt: new Date().toISOString() } } });
    for (let restartCount = 0; restartCount < FAILURES; restartCount++) {
      const terminated = { exitCode: 3, message: FAILURE, reason: 'Error' };
      await this.#status(pod, 'Running', { restartCount, state: { terminated } });
      await sleep(60);
      await this.#status(pod, 'Running', {
        restartCount: restartCount + 1,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated },
      });
      await sleep(60);
    }
  }

  async #verify(pod: Stored<Pod>): Promise<void> {
    const [item] = JSON.parse(
      pod.spec!.containers[0]!.env!.find(({ name }) => name === ENV.fetch)!.value!,
    ) as FetchItem[];
    const [, configMap = '', key = ''] = /^configmap:\/\/([^/]+)\/(.+)$/.exec(item!.uri) ?? [];
    const found = (await this.#admin.get(KIND.configMap, pod.metadata.namespace ?? '', configMap)) as
      { data?: Record<string, string>; binaryData?: Record<string, string> } | undefined;
    const bytes =
      found?.binaryData?.[key] === undefined
        ? Buffer.from(found?.data?.[key] ?? '')
        : Buffer.from(found.binaryData[key], 'base64');
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const good = item!.digest === undefined || item!.digest === digest;
    const message = good
      ? JSON.stringify({ digest, sizeBytes: bytes.length })
      : `DigestMismatch: the source has ${digest}, not ${item!.digest}`;
    await this.#status(pod, good ? 'Succeeded' : 'Failed', {
      state: { terminated: { exitCode: good ? 0 : 3, message } },
    });
  }

  async #status({ metadata, spec }: Stored<Pod>, phase: string, container: Partial<ContainerStatus>): Promise<void> {
    const { name, image = '' } = spec!.containers[0]!;
    const ready = container.ready ?? false;
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: ready || type === 'PodScheduled' || type === 'Initialized' ? 'True' : 'False',
      lastTransitionTime: new Date(Date.now() - IDLE.idleSeconds * 1000).toISOString(),
    }));
    const containerStatuses = [{ name, image, imageID: 'stage', ready, restartCount: 0, ...container }];
    await this.#admin.merge(KIND.pod, metadata.namespace ?? '', metadata.name, {
      subresource: 'status',
      body: {
        status: {
          phase,
          conditions,
          containerStatuses,
          startTime: new Date().toISOString(),
          ...(phase === 'Running' && { podIP: POD_IP, podIPs: [{ ip: POD_IP }] }),
        },
      },
    });
  }
}
