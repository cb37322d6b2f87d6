/** What must hold at every step, whatever goes wrong: watched on the server's side of the proxy. */
import type { FetchItem } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { readyAddresses, type Slice } from '../../operator/api/endpoints.ts';
import { KIND } from '../../operator/api/kinds.ts';
import { LABEL } from '../../operator/api/labels.ts';
import type { Stored } from '../../operator/api/objects.ts';
import { recordOf } from '../../operator/api/record.ts';
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

  constructor(stage: Stage, namespace: string) {
    this.#stage = stage;
    this.#namespace = namespace;
  }

  watch(): void {
    this.#off = this.#stage.watchNamespace(this.#namespace, () => this.#endpoints());
  }

  stop(): void {
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

  /** Once something has served, something always serves, or the activator would take a request, as long as the pipeline is there. Looked at twice: several watches tell of it. */
  #endpoints(): void {
    const before = this.#servesNow();
    if (before) this.#served = true;
    if (before === false && this.#served) setTimeout(() => {
      const revision = this.#revision();
      if (this.#servesNow() === false && this.#served && revision !== 'nobody') this.violations.push(`the stable Service selects ${revision}, which has no Ready pod, and no activator stands in`);
    }, SECOND_LOOK_MS).unref();
  }

  #revision(): string {
    const service = this.#stage.latest('Service', this.#namespace, 'p');
    return (service?.spec as { selector?: Record<string, string> } | undefined)?.selector?.[LABEL.revision] ?? 'nobody';
  }

  /** Undefined while there is no pipeline. */
  #servesNow(): boolean | undefined {
    const pipeline = this.#stage.latest('InferencePipeline', this.#namespace, 'p');
    if (!pipeline || pipeline.metadata.deletionTimestamp !== undefined) {
      this.#served = false;
      return undefined;
    }
    const slice = this.#stage.latest('EndpointSlice', this.#namespace, 'p-activator') as Slice | undefined;
    return this.#stage.pods.readyPods(this.#namespace, this.#revision()) > 0 || (slice !== undefined && readyAddresses(slice).length > 0);
  }
}
