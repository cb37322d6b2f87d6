/** What must hold at every step, whatever goes wrong: watched on the server's side of the proxy. */
import type { FetchItem } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { readyAddresses, type Slice } from '../../operator/api/endpoints.ts';
import { KIND } from '../../operator/api/kinds.ts';
import { LABEL } from '../../operator/api/labels.ts';
import type { Stored } from '../../operator/api/objects.ts';
import { recordOf } from '../../operator/api/record.ts';
import type { AnyObject } from '../stage/admin.ts';
import { isReady } from '../stage/pods.ts';
import type { Stage } from '../stage/stage.ts';
import type { Call } from './proxy.ts';

const SECOND_LOOK_MS = 400;

export class Safety {
  readonly violations: string[] = [];
  /** Operators that may not write any more. */
  readonly deposed = new Set<string>();
  readonly #stage: Stage;
  readonly #namespace: string;
  /** The stable Service has had Ready pods. */
  #served = false;
  #off: () => void = () => undefined;
  #stopped = false;

  constructor(stage: Stage, namespace: string) {
    this.#stage = stage;
    this.#namespace = namespace;
  }

  watch(): void {
    this.#off = this.#stage.watchNamespace(this.#namespace, () => this.#endpoints());
  }

  stop(): void {
    this.#stopped = true;
    this.#off();
  }

  inspect(call: Call): void {
    if (this.deposed.has(call.by)) this.violations.push(`a deposed leader wrote: ${call.method} ${call.resource}/${call.name}`);
    if (call.method === 'DELETE') this.#conditional(call);
    if (call.method === 'POST' && call.resource === 'deployments') void this.#verified(JSON.parse(call.body) as Stored<Deployment>);
  }

  #conditional({ resource, name, body }: Call): void {
    const { preconditions } = JSON.parse(body) as { preconditions?: { uid?: string; resourceVersion?: string } };
    if (!preconditions?.uid || !preconditions.resourceVersion) this.violations.push(`a deletion without preconditions: ${resource}/${name}`);
  }

  /** No pod with bytes that nobody has verified, and none whose model version could be deleted under it. */
  async #verified(deployment: Stored<Deployment>): Promise<void> {
    const fetched = deployment.spec?.template.spec?.initContainers?.flatMap(({ env }) => env?.flatMap(({ value }) => (value === undefined ? [] : (JSON.parse(value) as FetchItem[]))) ?? []) ?? [];
    for (const { name, digest } of fetched) if (digest === undefined) this.violations.push(`${deployment.metadata.name} would load ${name} unverified`);
    for (const { modelVersion } of recordOf(deployment.metadata)?.models ?? []) {
      const found = (await this.#stage.admin.get(KIND.modelVersion, this.#namespace, modelVersion)) as { status?: { usedBy?: { count: number } } } | undefined;
      if (!found?.status?.usedBy?.count) this.violations.push(`${deployment.metadata.name} has pods before ModelVersion ${modelVersion} is marked as in use`);
    }
  }

  /** Once something has served, something always serves, or the activator would take a request, as long as the pipeline is there. Several watches tell of it, one later than the other: what looks wrong is looked up. */
  #endpoints(): void {
    const before = this.#servesNow();
    if (before) this.#served = true;
    if (before === false && this.#served) setTimeout(() => void this.#lookUp().catch((error: unknown) => (this.#stopped ? undefined : this.violations.push(String(error)))), SECOND_LOOK_MS).unref();
  }

  /** Asks the server. What is asked for last is asked for twice, so that nothing has changed in between when all of it says the same. */
  async #lookUp(): Promise<void> {
    const { admin } = this.#stage;
    const service = (): Promise<AnyObject | undefined> => admin.get(KIND.service, this.#namespace, 'p');
    const standsIn = async (): Promise<boolean> => {
      const slice = await admin.get(KIND.endpointSlice, this.#namespace, 'p-activator');
      return slice !== undefined && readyAddresses(slice as unknown as Slice).length > 0;
    };
    const [before, relieved] = [await service(), await standsIn()];
    const revision = revisionOf(before);
    const ready = (await admin.list(KIND.pod, this.#namespace)).filter((pod) => pod.metadata.labels?.[LABEL.revision] === revision && isReady(pod as Stored<Pod>));
    if (revision === undefined || ready.length > 0 || relieved || (await standsIn()) || (await service())?.metadata.resourceVersion !== before?.metadata.resourceVersion) return;
    const pipeline = await admin.get(KIND.pipeline, this.#namespace, 'p');
    if (this.#served && pipeline && pipeline.metadata.deletionTimestamp === undefined) this.violations.push(`the stable Service selects ${revision}, which has no Ready pod, and no activator stands in`);
  }

  /** Undefined while there is no pipeline. */
  #servesNow(): boolean | undefined {
    const pipeline = this.#stage.latest('InferencePipeline', this.#namespace, 'p');
    if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) {
      this.#served = false;
      return undefined;
    }
    const slice = this.#stage.latest('EndpointSlice', this.#namespace, 'p-activator') as Slice | undefined;
    const revision = revisionOf(this.#stage.latest('Service', this.#namespace, 'p'));
    return (revision !== undefined && this.#stage.pods.readyPods(this.#namespace, revision) > 0) || (slice !== undefined && readyAddresses(slice).length > 0);
  }
}

const revisionOf = (service: AnyObject | undefined): string | undefined => (service?.spec as { selector?: Record<string, string> } | undefined)?.selector?.[LABEL.revision];
