/**
 * Leader election by a Lease. It expires by our own monotonic clock since its record last changed (client-go's rule),
 * so the clocks of other machines do not matter. A leader stops writing well before another replica can take the lease.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { apiPath, BUILT_IN } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { KubeClient } from './client.ts';
import { isConflict, isNotFound, kubeError } from './errors.ts';
import type { LeadershipGate } from './leadershipGate.ts';
import { lines } from './lines.ts';
import { isAborted } from './signals.ts';

const LEASE_SECONDS = 10;
const RENEW_DEADLINE_MS = 6_000;
const RETRY_MS = 1_500;
/** A second attempt fits into the renew deadline, so that one hung connection does not lose the lease. */
const ATTEMPT_TIMEOUT_MS = 2_000;

interface Lease extends KubeObject {
  spec: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface LeaseOptions {
  namespace: string;
  name: string;
  identity: string;
  onError: (error: unknown) => void;
}

export class LeaderLease {
  readonly #client: Pick<KubeClient, 'lease' | 'open'>;
  readonly #gate: LeadershipGate;
  readonly #options: LeaseOptions;
  /** The newest record, and when it changed, by our clock. */
  #observed = { record: '', at: -Infinity };

  /**
   * `gate` is open while this replica leads, until the renew deadline: four seconds before another replica may lead.
   */
  constructor(client: Pick<KubeClient, 'lease' | 'open'>, gate: LeadershipGate, options: LeaseOptions) {
    this.#client = client;
    this.#gate = gate;
    this.#options = options;
  }

  /** Resolves once this replica has the lease; with undefined when `signal` is aborted. */
  async acquire(signal: AbortSignal): Promise<true | undefined> {
    while (!signal.aborted) {
      const lease = await this.#tryAcquireOrRenew(signal);
      if (lease === 'held') return true;
      if (lease) await this.#standBy(lease, signal);
      else await sleep(RETRY_MS * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  /** Renews until `signal` is aborted; resolves early when the lease is lost. */
  async hold(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#gate.open) {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (isAborted(signal)) return;
      await this.#tryAcquireOrRenew(AbortSignal.timeout(ATTEMPT_TIMEOUT_MS));
    }
  }

  /** Releases the lease, so that a standby does not have to wait until it expires. Nothing is written after that. */
  async release(): Promise<void> {
    this.#gate.close();
    const { namespace, name, identity } = this.#options;
    try {
      const signal = AbortSignal.timeout(RENEW_DEADLINE_MS);
      const lease = await this.#client.lease<Lease>('GET', namespace, name, { signal });
      if (lease.spec.holderIdentity !== identity) return;
      await this.#client.lease<Lease>('PUT', namespace, name, {
        body: {
          ...lease,
          spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() },
        },
        signal,
      });
    } catch (error) {
      this.#options.onError(error); // the lease expires by itself
    }
  }

  /** Acquires or renews the lease: `held`, or the lease that another replica has, or undefined after an error. */
  async #tryAcquireOrRenew(signal: AbortSignal): Promise<'held' | Lease | undefined> {
    const { namespace, name, identity, onError } = this.#options;
    const before = performance.now();
    try {
      const lease = await this.#read(signal);
      const now = microTime();
      if (!lease) {
        const spec = {
          holderIdentity: identity,
          leaseDurationSeconds: LEASE_SECONDS,
          acquireTime: now,
          renewTime: now,
          leaseTransitions: 0,
        };
        await this.#client.lease<Lease>('POST', namespace, name, {
          body: {
            apiVersion: BUILT_IN.lease.apiVersion,
            kind: BUILT_IN.lease.kind,
            metadata: { namespace, name },
            spec,
          },
          signal,
        });
      } else {
        this.#observe(lease);
        const mine = lease.spec.holderIdentity === identity;
        if (!mine && this.#expiresInMs(lease) > 0) return lease;
        const taken = mine
          ? {}
          : { holderIdentity: identity, acquireTime: now, leaseTransitions: (lease.spec.leaseTransitions ?? 0) + 1 };
        await this.#client.lease<Lease>('PUT', namespace, name, {
          body: { ...lease, spec: { ...lease.spec, ...taken, renewTime: now, leaseDurationSeconds: LEASE_SECONDS } },
          signal,
        });
      }
      // counted from before the request, so that no other replica's clock for this renewal started earlier
      this.#gate.openUntil(before + RENEW_DEADLINE_MS);
      return 'held';
    } catch (error) {
      if (!isConflict(error) && !isAborted(signal)) onError(error);
      return undefined;
    }
  }

  /** Watches the lease until it is released or expires, so that a released lease is acquired at once. */
  async #standBy(seen: Lease, signal: AbortSignal): Promise<void> {
    const { namespace, name, onError } = this.#options;
    const expired = new AbortController();
    let lease = seen;
    let timer: NodeJS.Timeout | undefined;
    const rearm = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => expired.abort(), this.#expiresInMs(lease) + 50 * Math.random());
    };
    rearm();
    try {
      const query = {
        watch: true,
        fieldSelector: `metadata.name=${name}`,
        resourceVersion: lease.metadata.resourceVersion,
        timeoutSeconds: 300,
      };
      const answer = await this.#client.open({
        method: 'GET',
        path: apiPath(BUILT_IN.lease, namespace),
        use: 'lease',
        query,
        bodyTimeout: 0,
        signal: AbortSignal.any([signal, expired.signal]),
      });
      if (answer.statusCode !== 200)
        throw kubeError(answer.statusCode, await answer.body.text(), answer.headers['retry-after']);
      for await (const line of lines(answer.body)) {
        const event = JSON.parse(line) as { type: string; object: Lease };
        if (event.type === 'ERROR' || event.type === 'DELETED') return;
        lease = event.object;
        this.#observe(lease);
        if (this.#expiresInMs(lease) <= 0) return;
        rearm();
      }
    } catch (error) {
      if (isAborted(signal) || isAborted(expired.signal)) return;
      onError(error);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    } finally {
      clearTimeout(timer);
    }
  }

  #observe({ spec }: Lease): void {
    const record = `${spec.holderIdentity} ${spec.renewTime}`;
    if (record !== this.#observed.record) this.#observed = { record, at: performance.now() };
  }

  #expiresInMs({ spec }: Lease): number {
    return (spec.holderIdentity ?? '') === ''
      ? 0
      : this.#observed.at + (spec.leaseDurationSeconds ?? LEASE_SECONDS) * 1000 - performance.now();
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#client.lease<Lease>('GET', this.#options.namespace, this.#options.name, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

/** MicroTime needs exactly six fractional digits, or the API server responds with 400. */
export const microTime = (): string => new Date().toISOString().replace('Z', '000Z');
