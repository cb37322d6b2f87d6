/** Reads the stats of scorers on their operator port, with limits for time, bytes and connections. */
import { OPERATOR_PATH, PORT, type ScorerStats } from '@penstock/contract';
import { Agent, get } from 'node:http';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Stored } from '@penstock/kube/api/objects';

const STATS_TIMEOUT_MS = 800;
const MAX_STATS_BYTES = 4096;
const MAX_CONNECTIONS = 256;
/** Pods that are asked for warnings at the same time. */
const MAX_CONCURRENT_SWEEP_CALLS = 8;
/** After this time the last reading of a pod is deleted (milliseconds). */
const WARNING_TTL_MS = 3_600_000;
/** The longest warning in a condition (characters). */
const MAX_WARNING_LENGTH = 600;
/**
 * How long the last reading of a pod that does not answer stays valid (milliseconds). A pod at its limit answers
 * slowly.
 */
const READING_TTL_MS = 20_000;
/** How long a reading is shared by all readers (milliseconds). */
const MAX_SHARED_AGE_MS = 1_000;
/** After this time without a question the record of a silent pod is deleted (milliseconds). */
const UNANSWERED_TTL_MS = 300_000;

/** A pod's stats and when they were read (milliseconds since the epoch). */
export interface Reading {
  pod: Stored<Pod>;
  stats: ScorerStats;
  at: number;
}

/** Reads the stats of a pod. Undefined when the pod does not give them in time. */
export type FetchStats = (address: string) => Promise<ScorerStats | undefined>;

export class Scorers {
  readonly #ask: FetchStats;
  readonly #now: () => number;
  /** The last reading by uid of the pod. */
  readonly #last = new Map<string, Reading>();
  /** The warning of a pod and when it was read, by uid. */
  readonly #warnings = new Map<string, { message: string; at: number }>();
  /** Calls in progress by uid of the pod. */
  readonly #pending = new Map<string, Promise<Reading | undefined>>();
  readonly #onWarning: (pod: Stored<Pod>) => void;
  /** By uid of the pod: since when it has not answered, and when it was last asked. */
  readonly #unanswered = new Map<string, { since: number; at: number }>();

  /** `onWarning` is called when the warning of a pod changes. */
  constructor(
    ask: FetchStats = statsOverHttp(),
    now: () => number = Date.now,
    onWarning: (pod: Stored<Pod>) => void = () => undefined,
  ) {
    this.#ask = ask;
    this.#onWarning = onWarning;
    this.#now = now;
  }

  /** The stats of the pods that answer. A pod that does not answer keeps its last stats for 20 seconds. */
  async readings(pods: Stored<Pod>[]): Promise<Reading[]> {
    this.#evictExpired();
    const all = await Promise.all(
      pods
        .filter(isRunning)
        .map(async (pod) => (await this.#read(pod, MAX_SHARED_AGE_MS)) ?? this.#last.get(pod.metadata.uid ?? '')),
    );
    return all.filter((reading): reading is Reading => reading !== undefined && isServing(reading.stats));
  }

  /**
   * How long the pods have had no request, or how long one of them has not reported, in which case it may not be idle.
   */
  async idleness(pods: Stored<Pod>[]): Promise<{ seconds: number } | { unansweredSeconds: number }> {
    this.#evictExpired();
    const all = await Promise.all(pods.map(async (pod) => (isRunning(pod) ? this.#read(pod, 0) : undefined)));
    if (all.length > 0 && all.every((reading) => reading && isServing(reading.stats)))
      return { seconds: Math.min(...all.map((reading) => reading!.stats.idleSeconds)) };
    return {
      unansweredSeconds: Math.max(
        0,
        ...pods.map(
          ({ metadata: { uid = '' } }) => (this.#now() - (this.#unanswered.get(uid)?.since ?? Infinity)) / 1000,
        ),
      ),
    };
  }

  /** The warning of one of these pods, from the last readings. */
  warning(pods: Stored<Pod>[]): string | undefined {
    return pods.flatMap(({ metadata: { uid = '' } }) => this.#warnings.get(uid)?.message ?? [])[0];
  }

  /** Reads the warnings of all of these pods, a few at a time. */
  async sweep(pods: Iterable<Stored<Pod>>): Promise<void> {
    const left = [...pods].filter(isRunning);
    await Promise.all(
      Array.from({ length: MAX_CONCURRENT_SWEEP_CALLS }, async () => {
        for (let pod = left.pop(); pod; pod = left.pop()) await this.#read(pod, MAX_SHARED_AGE_MS);
      }),
    );
  }

  /** A reading not older than `maxAgeMs`, from memory or from the pod. */
  #read(pod: Stored<Pod>, maxAgeMs: number): Promise<Reading | undefined> {
    const { uid = '' } = pod.metadata;
    const last = this.#last.get(uid);
    if (last && this.#now() - last.at < maxAgeMs) return Promise.resolve(last);
    const reading = this.#pending.get(uid) ?? this.#fetch(pod, uid).finally(() => this.#pending.delete(uid));
    this.#pending.set(uid, reading);
    return reading;
  }

  async #fetch(pod: Stored<Pod>, uid: string): Promise<Reading | undefined> {
    const stats = await this.#ask(pod.status!.podIP!);
    const at = this.#now();
    if (!stats) return void this.#unanswered.set(uid, { since: this.#unanswered.get(uid)?.since ?? at, at });
    const reading = { pod, stats, at };
    this.#unanswered.delete(uid);
    this.#last.set(uid, reading);
    this.#recordWarning(reading, uid);
    return reading;
  }

  #recordWarning({ pod, stats: { warning }, at }: Reading, uid: string): void {
    if (warning === undefined) return;
    const isNew = this.#warnings.get(uid)?.message !== warning;
    this.#warnings.set(uid, { message: warning, at });
    if (isNew) this.#onWarning(pod);
  }

  #evictExpired(): void {
    for (const [uid, { at }] of this.#warnings) if (this.#now() - at > WARNING_TTL_MS) this.#warnings.delete(uid);
    for (const [uid, { at }] of this.#last) if (this.#now() - at > READING_TTL_MS) this.#last.delete(uid);
    for (const [uid, { at }] of this.#unanswered)
      if (this.#now() - at > UNANSWERED_TTL_MS) this.#unanswered.delete(uid);
  }
}

const isRunning = ({ metadata, status }: Stored<Pod>): boolean =>
  metadata.deletionTimestamp === undefined && status?.phase === 'Running' && status.podIP !== undefined;

/** False for a pod whose init() has not returned: its stats say nothing about the load. */
const isServing = ({ phase }: ScorerStats): boolean => phase === 'Ready' || phase === 'Draining';

/** Reads stats from pods of the cluster over persistent connections. */
export function statsOverHttp(port: number = PORT.operator): FetchStats {
  const agent = new Agent({ keepAlive: true, maxTotalSockets: MAX_CONNECTIONS, timeout: 60_000 });
  return (address) =>
    new Promise((resolve) => {
      const late = setTimeout(() => {
        // the limit includes the wait for a connection
        request.destroy();
        resolve(undefined);
      }, STATS_TIMEOUT_MS);
      const request = get({ host: address, port, path: OPERATOR_PATH.stats, agent }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_STATS_BYTES) request.destroy();
        });
        response.on('end', () => resolve(response.statusCode === 200 ? parseStats(text) : undefined));
        response.on('error', () => resolve(undefined));
        response.on('close', () => resolve(undefined));
      });
      request.on('error', () => resolve(undefined));
      request.on('close', () => clearTimeout(late));
    });
}

/** Parses a response. Undefined for a text that is not valid. */
export function parseStats(text: string): ScorerStats | undefined {
  try {
    const stats = JSON.parse(text) as Partial<ScorerStats> | null;
    const sound = [stats?.concurrency, stats?.requestsPerSecond, stats?.idleSeconds].every(
      (figure) => typeof figure === 'number' && Number.isFinite(figure) && figure >= 0,
    );
    if (!sound || typeof stats?.phase !== 'string') return undefined;
    const { warning, ...figures } = stats as ScorerStats;
    return {
      ...figures,
      ...(typeof warning === 'string' && { warning: warning.replace(/\s+/g, ' ').slice(0, MAX_WARNING_LENGTH) }),
    };
  } catch {
    return undefined;
  }
}
