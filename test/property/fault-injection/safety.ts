/** What must hold at every step, whatever goes wrong: watched on the server's side of the proxy. */
import type { FetchItem } from '@penstock/contract';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { hasReadyEndpoints, selectedRevision, type Slice } from '../../../operator/api/endpointSlices.ts';
import { KIND } from '../../../operator/api/kinds.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import { isReady } from '@penstock/kube/api/pods';
import { recordOf } from '../../../operator/api/record.ts';
import type { AnyObject } from '../../support/control-plane/admin.ts';
import type { Stage } from '../../support/control-plane/stage.ts';
import type { Call } from './proxy.ts';
import { NO_REVISION, NOWHERE } from './workloads.ts';

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
    if (this.deposed.has(call.by))
      this.violations.push(`a deposed leader wrote: ${call.method} ${call.resource}/${call.name}`);
    if (call.method === 'DELETE') this.#conditional(call);
    if (call.method === 'POST' && call.resource === 'deployments')
      void this.#verified(JSON.parse(call.body) as Stored<Deployment>);
  }

  #conditional({ resource, name, body }: Call): void {
    const { preconditions } = JSON.parse(body) as { preconditions?: { uid?: string; resourceVersion?: string } };
    if (!preconditions?.uid || !preconditions.resourceVersion)
      this.violations.push(`a deletion without preconditions: ${resource}/${name}`);
  }

  /** No pod with unverified bytes, and none whose ModelVersion could be deleted while it runs. */
  async #verified(deployment: Stored<Deployment>): Promise<void> {
    const fetched =
      deployment.spec?.template.spec?.initContainers?.flatMap(
        ({ env }) => env?.flatMap(({ value }) => (value === undefined ? [] : (JSON.parse(value) as FetchItem[]))) ?? [],
      ) ?? [];
    for (const { name, digest } of fetched)
      if (digest === undefined) this.violations.push(`${deployment.metadata.name} would load ${name} unverified`);
    for (const { modelVersion } of recordOf(deployment.metadata)?.models ?? []) {
      const found = (await this.#stage.admin.get(KIND.modelVersion, this.#namespace, modelVersion)) as
        { status?: { usedBy?: { count: number } } } | undefined;
      if (!found?.status?.usedBy?.count)
        this.violations.push(
          `${deployment.metadata.name} has pods before ModelVersion ${modelVersion} is marked as in use`,
        );
    }
  }

  /**
   * Once something has served, something always serves, or the activator would take a request, as long as the pipeline
   * is there. Several watches tell of it, one later than the other: what looks wrong is looked up.
   */
  #endpoints(): void {
    const before = this.#servesNow();
    if (before) this.#served = true;
    if (before === false && this.#served)
      setTimeout(
        () =>
          void this.#lookUp().catch((error: unknown) =>
            this.#stopped ? undefined : this.violations.push(String(error)),
          ),
        SECOND_LOOK_MS,
      ).unref();
  }

  /**
   * Asks the server. The Service and the slice are asked for before the pods and after: when they say the same both
   * times, all of it held at one moment; when not, that change makes another look.
   */
  async #lookUp(): Promise<void> {
    const { admin } = this.#stage;
    const asked = async (): Promise<{ service: AnyObject | undefined; relieved: boolean }> => {
      const service = await admin.get(KIND.service, this.#namespace, 'p');
      return { service, relieved: wouldStandIn(await admin.get(KIND.endpointSlice, this.#namespace, 'p-activator')) };
    };
    const before = await asked();
    const revision = selectedRevision(before.service);
    const pods = (await admin.list(KIND.pod, this.#namespace)).filter(
      ({ metadata }) => metadata.labels?.[LABEL.revision] === revision,
    );
    const after = await asked();
    const pipeline = await admin.get(KIND.pipeline, this.#namespace, 'p');
    if (
      revision === undefined ||
      revision === NO_REVISION ||
      before.relieved ||
      after.relieved ||
      before.service?.metadata.resourceVersion !== after.service?.metadata.resourceVersion
    )
      return;
    if (this.#served && isThere(pipeline) && !pods.some((pod) => isReady(pod)))
      this.violations.push(
        `the stable Service selects ${revision}, which has no Ready pod, and no activator stands in`,
      );
  }

  /** Undefined while there is no pipeline. */
  #servesNow(): boolean | undefined {
    if (!isThere(this.#stage.latest('InferencePipeline', this.#namespace, 'p'))) {
      this.#served = false;
      return undefined;
    }
    const revision = selectedRevision(this.#stage.latest('Service', this.#namespace, 'p'));
    return (
      (revision !== undefined && this.#stage.pods.readyPods(this.#namespace, revision) > 0) ||
      standsIn(this.#stage.latest('EndpointSlice', this.#namespace, 'p-activator'))
    );
  }
}

const isThere = (pipeline: AnyObject | undefined): boolean =>
  pipeline !== undefined && pipeline.metadata.deletionTimestamp === undefined;
const standsIn = (slice: AnyObject | undefined): boolean =>
  slice !== undefined && hasReadyEndpoints(slice as unknown as Slice);
/** But for the user's own edit. */
const wouldStandIn = (slice: AnyObject | undefined): boolean =>
  standsIn(slice) || JSON.stringify(slice?.endpoints ?? []).includes(NOWHERE);
