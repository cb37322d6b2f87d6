/**
 * Leader election by a Lease: expiry is judged by our own clock since the record last changed (client-go's rule),
 * so clocks of other machines do not matter. Losing the lease ends leadership before anybody else can have it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KIND } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { KubeClient } from './client.ts';
import { isConflict, isGone } from './errors.ts';

const LEASE_SECONDS = 10;
const RENEW_DEADLINE_MS = 6_000;
const RETRY_MS = 1_500;

interface Lease extends KubeObject {
  spec: { holderIdentity?: string; leaseDurationSeconds?: number; acquireTime?: string; renewTime?: string; leaseTransitions?: number };
}

export interface LeaseOptions {
  namespace: string;
  name: string;
  identity: string;
  onError: (error: unknown) => void;
}

export class LeaderLease {
  readonly #client: KubeClient;
  readonly #options: LeaseOptions;
  #seen: { record: string; at: number } = { record: '', at: -Infinity };

  constructor(client: KubeClient, options: LeaseOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Resolves once the lease is held; undefined when `signal` ends the wait. */
  async acquire(signal: AbortSignal): Promise<true | undefined> {
    while (!signal.aborted) {
      if (await this.#try()) return true;
      await sleep(RETRY_MS * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  /** Renews until `signal` ends it; resolves early when the lease is lost. */
  async hold(signal: AbortSignal): Promise<void> {
    for (let renewed = performance.now(); !signal.aborted && performance.now() - renewed < RENEW_DEADLINE_MS; ) {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (isOver(signal)) return;
      const before = performance.now();
      const left = RENEW_DEADLINE_MS - (before - renewed);
      if (await Promise.race([this.#try(), sleep(left, false, { ref: false })])) renewed = before;
    }
  }

  /** Gives the lease up, so that a standby need not wait for its end. */
  async release(): Promise<void> {
    try {
      const lease = await this.#read();
      if (lease?.spec.holderIdentity === this.#options.identity) await this.#client.replace({ ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() } });
    } catch (error) {
      this.#options.onError(error); // it ends by itself
    }
  }

  async #try(): Promise<boolean> {
    try {
      const lease = await this.#read();
      if (!lease) return await this.#create();
      const holder = lease.spec.holderIdentity ?? '';
      const record = `${holder} ${lease.spec.renewTime}`;
      if (record !== this.#seen.record) this.#seen = { record, at: performance.now() };
      const mine = holder === this.#options.identity;
      const expired = performance.now() - this.#seen.at > (lease.spec.leaseDurationSeconds ?? LEASE_SECONDS) * 1000;
      if (!mine && holder !== '' && !expired) return false;
      const now = microTime();
      const taken = mine ? {} : { holderIdentity: this.#options.identity, acquireTime: now, leaseTransitions: (lease.spec.leaseTransitions ?? 0) + 1 };
      await this.#client.replace({ ...lease, spec: { ...lease.spec, ...taken, renewTime: now, leaseDurationSeconds: LEASE_SECONDS } });
      return true;
    } catch (error) {
      if (!isConflict(error)) this.#options.onError(error);
      return false;
    }
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#client.get<Lease>(KIND.lease, this.#options.namespace, this.#options.name);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  async #create(): Promise<boolean> {
    const { namespace, name, identity } = this.#options;
    const now = microTime();
    await this.#client.create({ apiVersion: KIND.lease.apiVersion, kind: KIND.lease.kind, metadata: { namespace, name }, spec: { holderIdentity: identity, leaseDurationSeconds: LEASE_SECONDS, acquireTime: now, renewTime: now, leaseTransitions: 0 } });
    return true;
  }
}

/** A function, since the compiler does not know that a signal changes while one waits. */
const isOver = (signal: AbortSignal): boolean => signal.aborted;

/** MicroTime wants exactly six digits, or the server answers 400. */
export const microTime = (): string => new Date().toISOString().replace('Z', '000Z');
