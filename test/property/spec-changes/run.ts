/**
 * Acto's questions, put to the real operator on a real API server: does every field reach a child, does the way not
 * matter, does a mistake leave a trace? Pairs of specs come from the CRD's own schema.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { apiPath } from '@penstock/kube/api/kinds';
import { KIND } from '../../../operator/api/kinds.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipelineSpec } from '../../../operator/api/types.gen.ts';
import { KubeError } from '@penstock/kube/client/errors';
import { pipeline, SCRIPT } from '../fault-injection/workloads.ts';
import { difference, stateOf, type State } from '../../support/control-plane/state.ts';
import type { Stage } from '../../support/control-plane/stage.ts';

const SETTLE_MS = 60_000;
const SAME_FOR = 2;
const LOOK_MS = 250;

export interface Transition {
  from: InferencePipelineSpec;
  to: InferencePipelineSpec;
}
/** What is wrong, or undefined; `refused` counts the specs that the API server did not take. */
export interface Verdict {
  problem: string | undefined;
  refused: number;
}

/** Two namespaces with what specs may name, and no pipeline. */
type Room = readonly [string, string];
const free: Room[] = [];
let rooms = 0;

/**
 * Judges in a room that is used again once it is empty: a new namespace costs the API server more than a pipeline does.
 */
export async function judge(stage: Stage, transition: Transition): Promise<Verdict> {
  const room = free.pop() ?? (await furnished(stage));
  const verdict = await judgeIn(stage, room, transition);
  await Promise.all(room.map((namespace) => clear(stage, namespace)));
  free.push(room);
  return verdict;
}

async function furnished(stage: Stage): Promise<Room> {
  const room = ['x', 'y'].map((side) => `t${rooms}-${process.pid}-${side}`) as unknown as Room;
  rooms += 1;
  await Promise.all(room.map((namespace) => furnish(stage, namespace)));
  return room;
}

/** Deletes the pipeline, and waits until nothing of it is left: else the next one would not be fresh. */
async function clear({ admin }: Stage, namespace: string): Promise<void> {
  await admin.remove(KIND.pipeline, namespace, 'p');
  for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(LOOK_MS)) {
    await admin.remove(KIND.secret, namespace, 'p-keys'); // it outlives the pipeline
    const left = await Promise.all(
      [
        KIND.secret,
        KIND.deployment,
        KIND.pod,
        KIND.service,
        KIND.autoscaler,
        KIND.networkPolicy,
        KIND.endpointSlice,
        KIND.disruptionBudget,
        KIND.configMap,
      ].map((kind) => admin.list(kind, namespace)),
    );
    if (
      left
        .flat()
        .every(
          ({ kind, metadata }) =>
            metadata.labels?.[LABEL.pipeline] === undefined && !(kind === 'Secret' && metadata.name === 'p-keys'),
        )
    )
      return;
  }
  throw new Error(`a deleted pipeline leaves something in ${namespace}`);
}

/** A → B → A must equal A, and B by way of A must equal B made fresh. */
async function judgeIn(stage: Stage, [used, other]: Room, { from, to }: Transition): Promise<Verdict> {
  const first = await wish(stage, used, from);
  if (!first) return { problem: undefined, refused: 1 };
  const second = await wish(stage, used, to);
  const fresh = await wish(stage, other, to);
  if ((second === undefined) !== (fresh === undefined))
    return { problem: `the API server takes it ${fresh ? 'fresh' : 'as an update'} only`, refused: 0 };
  if (second && fresh && isGood(fresh)) {
    const differs = difference(fresh, second);
    if (differs.length > 0) return { problem: `B by way of A is not B made fresh:\n${differs.join('\n')}`, refused: 0 };
  }
  const again = await wish(stage, used, from);
  const differs = isGood(first) ? difference(first, again) : [];
  return {
    problem: differs.length > 0 ? `A → B → A is not A:\n${differs.join('\n')}` : undefined,
    refused: second ? 0 : 1,
  };
}

/** A namespace with what specs may name. */
async function furnish(stage: Stage, namespace: string): Promise<void> {
  await stage.admin.namespace(namespace);
  const made: object[] = [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'code', namespace },
      data: { 'score.ts': SCRIPT, a: 'x' },
    },
    ...['1', '2'].flatMap((version) => [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `bytes-${version}`, namespace },
        data: { 'm.onnx': `model ${version}` },
      },
      {
        apiVersion: 'penstock.dev/v1alpha1',
        kind: 'ModelVersion',
        metadata: { name: `m-${version}`, namespace },
        spec: { model: 'm', version, format: 'ONNX', source: { uri: `configmap://bytes-${version}/m.onnx` } },
      },
    ]),
  ];
  await Promise.all(made.map((object) => stage.admin.apply(object as KubeObject)));
  for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(LOOK_MS)) {
    const models = await stage.admin.list(KIND.modelVersion, namespace);
    if (models.every(({ status }) => (status as { digest?: string } | undefined)?.digest !== undefined)) return;
  }
  throw new Error(`the models of ${namespace} are never verified`);
}

/** The state that the spec comes to rest at; undefined when the API server refuses it (the former one stays). */
async function wish(stage: Stage, namespace: string, spec: InferencePipelineSpec): Promise<State | undefined> {
  try {
    const old = await stage.admin.get(KIND.pipeline, namespace, 'p');
    const object = pipeline(namespace, spec);
    if (old)
      await stage.admin.call('PUT', apiPath(KIND.pipeline, namespace, 'p'), {
        body: { ...object, metadata: { ...object.metadata, resourceVersion: old.metadata.resourceVersion } },
      });
    else await stage.admin.create(object);
  } catch (error) {
    if (error instanceof KubeError && [400, 422].includes(error.code)) return undefined;
    throw error;
  }
  let [before, times] = ['', 0];
  for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(LOOK_MS)) {
    const state = (await rests(stage, namespace))
      ? await stateOf(stage.admin, namespace, { goalOnly: true })
      : undefined; // a dozen lists: the API server has the same two cores
    const now = state ? JSON.stringify(state) : '';
    times = state && now === before ? times + 1 : 0;
    before = now;
    if (state && times >= SAME_FOR) return state;
  }
  throw new Error(
    `never comes to rest: ${JSON.stringify(spec)}\n${JSON.stringify(await stateOf(stage.admin, namespace)).slice(0, 3000)}`,
  );
}

/** Told of this generation, nothing under way, and nothing left that retires. */
async function rests({ admin }: Stage, namespace: string): Promise<boolean> {
  const found = await admin.get(KIND.pipeline, namespace, 'p');
  const status = found?.status as
    { observedGeneration?: number; conditions?: { type: string; status: string; reason: string }[] } | undefined;
  const is = (type: string): boolean =>
    status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  const waits = ['ModelNotReady', 'Verifying', 'ResourceNotReady'].includes(
    status?.conditions?.find(({ type }) => type === 'UpToDate')?.reason ?? '',
  );
  const running = (await admin.list(KIND.deployment, namespace)).length;
  return (
    status?.observedGeneration === (found?.metadata as { generation?: number }).generation &&
    (is('UpToDate') || is('Stalled') || waits || failsForGood(status?.conditions)) &&
    running <= 1
  );
}

/** The very first revision is never given up: its script's failure is where it rests. */
const failsForGood = (conditions: { type: string; reason: string }[] | undefined): boolean =>
  conditions?.some(({ type, reason }) => type === 'UpToDate' && reason === 'UserScriptInitFailed') ?? false;

/**
 * Whether the state is one that serves what was asked: of a bad one, how far it got depends on what was there before.
 */
function isGood(state: State): boolean {
  const { status } = state['InferencePipeline/p'] as { status: { conditions: { type: string; status: string }[] } };
  return status.conditions.some(({ type, status: value }) => type === 'UpToDate' && value === 'True');
}
