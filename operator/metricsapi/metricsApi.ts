/** The metrics API of the operator: every replica serves it, the leader registers it or removes its registration. */
import type { Server } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Result } from '@penstock/kube/controller/result';
import { KIND } from '../api/kinds.ts';
import type { OwnerReference, Stored } from '@penstock/kube/api/objects';
import { isSubset } from '../apply/isSubset.ts';
import { Cache } from '@penstock/kube/cache/cache';
import type { KubeClient } from '@penstock/kube/client/client';
import { aborted } from '@penstock/kube/client/signals';
import { Reflector } from '@penstock/kube/cache/reflector';
import type { Scorers } from '../scorers/stats.ts';
import { keepCertificate, readIdentity, type MetricsService, type TlsIdentity } from './identity.ts';
import { apiService, registrationOf, takenMessage, type ApiService, type RegistrationMode } from './registration.ts';
import { metricsServer } from './server.ts';

const IDENTITY_RETRY_MS = 2_000;
const IDENTITY_POLL_MS = 60_000;
/** How often the leader checks whether the certificate must be rotated. */
const ROTATION_CHECK_MS = 3_600_000;

export interface MetricsApiOptions {
  client: KubeClient;
  service: MetricsService;
  /** Name of the ClusterRole that owns the registration, so that helm uninstall removes both. */
  owner: string;
  mode: RegistrationMode;
  port: number;
  scorers: Scorers;
  pods: () => Iterable<Stored<Pod>>;
  watchIdleMs: number;
  onError: (error: unknown) => void;
  /** Called when {@link MetricsApi.missing} has changed. */
  onChange: () => void;
}

export class MetricsApi {
  readonly #options: MetricsApiOptions;
  readonly #services = new Cache<ApiService>();
  #server: Server | undefined;
  #identity: TlsIdentity | undefined;
  #owner: OwnerReference | undefined;
  #missing: string | undefined;

  constructor(options: MetricsApiOptions) {
    this.#options = options;
  }

  /** Why an autoscaler cannot read concurrency; undefined while the operator serves it, or does not know yet. */
  get missing(): string | undefined {
    return this.#missing;
  }

  /** Serves until `signal` is aborted. Reads the certificate and the front-proxy CA again every minute. */
  async serve(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#refreshIdentity().catch(this.#options.onError);
      await sleep(this.#server ? IDENTITY_POLL_MS : IDENTITY_RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  /** For the leader: calls `changed` for each change of any APIService. */
  async watch(signal: AbortSignal, changed: () => void): Promise<void> {
    this.#services.onChange(changed);
    const reflector = new Reflector(this.#options.client, this.#services, {
      kind: KIND.apiService,
      idleMs: this.#options.watchIdleMs,
      onError: this.#options.onError,
    });
    const watching = reflector.run(signal);
    await Promise.race([reflector.whenSynced, aborted(signal)]);
    changed();
    await watching;
  }

  /** For the leader: creates, updates or deletes the registration as {@link registrationOf} says. */
  async reconcile(): Promise<Result> {
    const { client, service, mode } = this.#options;
    const owner = (this.#owner ??= await this.#readOwner());
    const { takenBy, withdraw, disown } = registrationOf(this.#services.values(), service, owner, mode);
    this.#setMissing(takenBy === undefined ? undefined : takenMessage(takenBy));
    if (withdraw) await client.remove(withdraw);
    if (disown)
      await client.patchMetadata(KIND.apiService, disown.metadata, {
        ownerReferences: disown.metadata.ownerReferences!.filter(({ uid }) => uid !== owner.uid),
      });
    if (takenBy !== undefined) return { next: 'rest' };
    const { ca } = await keepCertificate(service, client, Date.now());
    const wanted = apiService(service, owner, ca);
    const live = this.#services.get('', wanted.metadata.name);
    if (!live) this.#services.put(await client.create(wanted));
    else if (!isSubset(live, wanted)) this.#services.put(await client.apply(wanted));
    return { next: 'after', ms: ROTATION_CHECK_MS };
  }

  async #readOwner(): Promise<OwnerReference> {
    const { apiVersion, kind, metadata } = await this.#options.client.get(KIND.clusterRole, '', this.#options.owner);
    return { apiVersion, kind, name: metadata.name, uid: metadata.uid! };
  }

  #setMissing(missing: string | undefined): void {
    if (missing === this.#missing) return;
    this.#missing = missing;
    this.#options.onChange();
  }

  async #refreshIdentity(): Promise<void> {
    const { client, service, port, scorers, pods } = this.#options;
    const identity = await readIdentity(service, client);
    if (!identity || (this.#identity && isDeepStrictEqual(identity.options, this.#identity.options))) return;
    this.#identity = identity;
    if (this.#server) return this.#server.setSecureContext(identity.options);
    const current: TlsIdentity = { options: identity.options, mayAsk: (name) => this.#identity!.mayAsk(name) };
    const server = metricsServer({ scorers, pods, identity: current });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
    this.#server = server;
  }
}
