/**
 * All that can happen to one pipeline, step by step: reconciles on caches however old, crashes and lost answers and
 * conflicts at every write, edits by others, pods that come and go. From each state reached, a world that goes wrong no
 * more must lead to the goal and stay there (“eventually stable reconciliation”, Anvil); and a Service that had Ready
 * pods must not lose them by our doing, unless it leads to an activator.
 */
import { createHash } from 'node:crypto';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { hasReadyEndpoints, selectedRevision, type Slice } from '../../../operator/api/endpointSlices.ts';
import { LABEL } from '../../../operator/api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import { isReady } from '@penstock/kube/api/pods';
import { KubeError } from '@penstock/kube/client/errors';
import { playPods } from './pods.ts';
import { Crash, reconcileOnce } from './reconcile.ts';
import { keyOf, type Objects, type Thing } from './server.ts';

const START = Date.parse('2026-11-24T12:00:00Z');
const TICK_MS = 6_000;
const MOST_ROUNDS = 60;

export interface State {
  objects: Objects;
  cache: Objects;
  lost: Objects;
  version: number;
  now: number;
  /** Faults, and edits or wakes, that may still come on this way. */
  faults: number;
  edits: number;
  /** Whether the stable Service has had Ready pods; not checked after another account has changed objects. */
  served: 'no' | 'yes' | 'not asked';
  staleReads: boolean;
}
export type Step =
  | {
      do:
        | 'reconcile'
        | 'hear of children'
        | 'hear of pods'
        | 'pods move on'
        | 'time passes'
        | 'the user edits'
        | 'the activator wakes';
    }
  | { do: 'crash after' | 'conflict at' | 'lose the reply of'; write: number }
  | { do: 'another account deletes' | 'another account strips'; key: string };

export function tell(step: Step): string {
  if ('write' in step) return `${step.do} write ${step.write}`;
  return 'key' in step ? `${step.do} ${step.key}` : step.do;
}

export interface Problem {
  way: Step[];
  what: string;
}
export interface Found {
  states: number;
  steps: number;
  problems: Problem[];
}

/**
 * Breadth first to `depth`; `specs` are what the user edits between, in turn. `staleReads` breaks the server: it
 * answers lists out of the operator's cache.
 */
export async function search(
  specs: object[],
  { depth, faults, edits, staleReads = false }: { depth: number; faults: number; edits: number; staleReads?: boolean },
): Promise<Found> {
  const first: State = {
    objects: { 'InferencePipeline/p': pipeline(specs[0]!) },
    cache: {},
    lost: {},
    version: 1,
    now: START,
    faults,
    edits,
    served: 'no',
    staleReads,
  };
  const seen = new Set<string>([fingerprint(first)]);
  const settled = new Map<string, string | undefined>();
  const problems: Problem[] = [];
  let frontier: Reached[] = [{ state: first, way: [] }];
  let steps = 0;
  for (let level = 0; level < depth && problems.length === 0; level++) {
    const next: Reached[] = [];
    for (const reached of (await Promise.all(frontier.map((from) => reachable(from, specs)))).flat()) {
      steps += 1;
      const key = fingerprint(reached.state);
      const isNew = !seen.has(key);
      seen.add(key);
      const what = lostEndpoints(reached.state) ?? (isNew ? await settles(reached.state, settled) : undefined);
      if (what !== undefined) problems.push({ way: reached.way, what });
      if (isNew) next.push(reached);
    }
    frontier = next;
  }
  return { states: seen.size, steps, problems };
}

interface Reached {
  state: State;
  way: Step[];
}

async function reachable({ state, way }: Reached, specs: object[]): Promise<Reached[]> {
  const { objects, cache, version, writes } = await reconcileOnce(state); // which also tells where things can go wrong
  const reached: Reached[] = [
    {
      state: arrived(state, { do: 'reconcile' }, { ...state, objects, cache, version }),
      way: [...way, { do: 'reconcile' }],
    },
  ];
  for (const step of stepsFrom(state, writes))
    reached.push({ state: await take(state, step, specs), way: [...way, step] });
  return reached;
}

const lostEndpoints = ({ served, objects }: State): string | undefined =>
  served === 'yes' && !hasEndpoints(objects) ? 'the stable Service selects no Ready pod any more' : undefined;

const pipeline = (spec: object, generation = 1): Thing => ({
  apiVersion: 'penstock.dev/v1alpha1',
  kind: 'InferencePipeline',
  metadata: { name: 'p', namespace: 'ns', uid: 'uid-p', generation, resourceVersion: String(generation) },
  spec: spec as Record<string, unknown>,
});

/** All but a reconcile in which nothing goes wrong; `writes` are those of that one. */
function stepsFrom(state: State, writes: string[]): Step[] {
  const steps: Step[] = [
    { do: 'hear of children' },
    { do: 'hear of pods' },
    { do: 'pods move on' },
    { do: 'time passes' },
  ];
  if (state.edits > 0) steps.push({ do: 'the user edits' });
  if (state.edits > 0 && sleeper(state.objects)) steps.push({ do: 'the activator wakes' });
  if (state.faults === 0) return steps;
  const atWrites = writes.flatMap((_, i): Step[] =>
    (['crash after', 'conflict at', 'lose the reply of'] as const).map((what) => ({ do: what, write: i + 1 })),
  );
  const keys = Object.keys(state.objects).filter((key) => /^(Service|Deployment|ConfigMap)\//.test(key));
  return [
    ...steps,
    ...atWrites,
    ...keys.map((key): Step => ({ do: 'another account deletes', key })),
    ...keys.map((key): Step => ({ do: 'another account strips', key })),
  ];
}

/** The state after a step; the one before stays as it was. */
export async function take(state: State, step: Step, specs: object[]): Promise<State> {
  return arrived(state, step, await act(state, step, specs));
}

function arrived(state: State, step: Step, after: State): State {
  const servedNow = state.served === 'no' && hasEndpoints(after.objects) ? 'yes' : state.served;
  const served = 'key' in step ? 'not asked' : servedNow;
  return { ...after, faults: state.faults - ('write' in step || 'key' in step ? 1 : 0), served };
}

async function act(state: State, step: Step, specs: object[]): Promise<State> {
  switch (step.do) {
    case 'hear of children':
      return hear(state, (key) => !key.startsWith('Pod/'));
    case 'hear of pods':
      return hear(state, (key) => key.startsWith('Pod/'));
    case 'pods move on':
      return { ...state, ...playPods(state.objects, state.version) };
    case 'time passes':
      return { ...state, now: state.now + TICK_MS };
    case 'the user edits':
      return edit(state, specs);
    case 'the activator wakes':
      return woken(state);
    case 'another account deletes':
      return deleted(state, (step as { key: string }).key);
    case 'another account strips':
      return changed(state, (step as { key: string }).key, (old) => ({
        ...old,
        metadata: { ...old.metadata, ownerReferences: [] },
      }));
    default:
      return reconciled(state, step);
  }
}

async function reconciled(state: State, { do: what, write }: { do: string; write?: number }): Promise<State> {
  const interfere = (n: number, early: boolean): void => {
    if (n !== write) return;
    if (what === 'conflict at' && early) throw new KubeError(409, 'Conflict', 'injected');
    if (what === 'crash after' && !early) throw new Crash();
    if (what === 'lose the reply of' && !early) throw new Error('connection lost');
  };
  const { objects, cache, version, crashed } = await reconcileOnce({ ...state, interfere });
  return {
    ...state,
    objects,
    version,
    cache: crashed || what === 'crash after' ? objects : cache,
    lost: crashed || what === 'crash after' ? {} : state.lost,
  };
}

/** The watch catches up with some of the objects. */
function hear(state: State, which: (key: string) => boolean): State {
  const kept = Object.entries(state.cache).filter(
    ([key]) => !which(key) || state.objects[key]?.metadata.uid === state.cache[key]?.metadata.uid,
  );
  const gone = Object.entries(state.cache).filter(
    ([key, object]) =>
      which(key) &&
      !state.objects[key] &&
      object.metadata.labels?.[LABEL.role] === 'revision' &&
      state.cache[`Deployment/${object.metadata.name}`],
  );
  const fresh = Object.entries(state.objects).filter(([key]) => which(key));
  return {
    ...state,
    cache: Object.fromEntries([...kept, ...fresh]),
    lost: { ...state.lost, ...Object.fromEntries(gone) },
  };
}

function edit(state: State, specs: object[]): State {
  const old = state.objects['InferencePipeline/p']!;
  const generation = (old.metadata.generation ?? 0) + 1;
  const now = changed(state, keyOf(old), (one) => ({
    ...one,
    spec: specs[(generation - 1) % specs.length] as Record<string, unknown>,
    metadata: { ...one.metadata, generation },
  }));
  return { ...now, edits: state.edits - 1 };
}

/** The Deployment that a request would wake: where the activator stands in, and there are no pods. */
function sleeper(objects: Objects): Thing | undefined {
  const deployment = objects[`Deployment/${selected(objects)}`];
  return leadsToActivator(objects) && deployment?.spec?.replicas === 0 ? deployment : undefined;
}

function woken(state: State): State {
  return {
    ...changed(state, keyOf(sleeper(state.objects)!), (old) => ({ ...old, spec: { ...old.spec, replicas: 1 } })),
    edits: state.edits - 1,
  };
}

function changed(state: State, key: string, change: (old: Thing) => Thing): State {
  const version = state.version + 1;
  const next = change(state.objects[key]!);
  return {
    ...state,
    version,
    objects: { ...state.objects, [key]: { ...next, metadata: { ...next.metadata, resourceVersion: String(version) } } },
  };
}

function deleted(state: State, key: string): State {
  const { [key]: _, ...objects } = state.objects;
  return { ...state, version: state.version + 1, objects };
}

const selected = (objects: Objects): string | undefined => selectedRevision(objects['Service/p']);
const leadsToActivator = (objects: Objects): boolean =>
  objects['EndpointSlice/p-activator'] !== undefined &&
  hasReadyEndpoints(objects['EndpointSlice/p-activator'] as unknown as Slice);

function hasEndpoints(objects: Objects): boolean {
  const revision = selected(objects);
  return (
    leadsToActivator(objects) ||
    Object.values(objects).some(
      (object) =>
        object.kind === 'Pod' &&
        object.metadata.labels?.[LABEL.revision] === revision &&
        isReady(object as unknown as Stored<Pod>),
    )
  );
}

/**
 * From here on nothing goes wrong: what does not end well, or never ends. `known` holds states whose end has been seen.
 */
async function settles(start: State, known: Map<string, string | undefined>): Promise<string | undefined> {
  const path: string[] = [];
  let state = start;
  let verdict: string | undefined = 'never comes to rest';
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const key = fingerprint(state);
    if (known.has(key)) {
      verdict = known.get(key);
      break;
    }
    path.push(key);
    const heard = hear(state, () => true);
    const { objects, cache, version, writes, wakeAfterMs, retry } = await reconcileOnce(heard);
    const played = playPods(objects, version);
    if (writes.length === 0 && wakeAfterMs === undefined && !retry && played.objects === objects) {
      verdict = wrongAtRest({ ...heard, objects });
      break;
    }
    state = { ...heard, cache, ...played, now: state.now + (writes.length === 0 ? TICK_MS : 0) };
  }
  for (const key of path) known.set(key, verdict);
  return verdict;
}

/**
 * The goal: the newest generation is told of, what serves is whole, nothing of ours is an orphan, nothing old is left.
 */
function wrongAtRest({ objects }: State): string | undefined {
  const { metadata, status } = objects['InferencePipeline/p']!;
  const conditions = (status?.conditions ?? []) as {
    type: string;
    status: string;
    reason: string;
    observedGeneration: number;
  }[];
  const is = (type: string): boolean =>
    conditions.some(
      (one) => one.type === type && one.status === 'True' && one.observedGeneration === metadata.generation,
    );
  if (
    (status?.history as unknown[] | undefined)?.length === 0 &&
    conditions.some(({ type, reason }) => type === 'UpToDate' && reason === 'UserScriptInitFailed')
  )
    return undefined; // the very first revision is never given up
  if (!is('UpToDate') && !is('Stalled')) return 'rests without being UpToDate or Stalled';
  const deployments = Object.values(objects).filter(({ kind }) => kind === 'Deployment');
  if (deployments.length !== 1) return `rests with ${deployments.length} Deployments`;
  const active = deployments[0]!.metadata.name;
  if (selected(objects) !== active) return 'rests with a Service that selects something else';
  const missing = [`ConfigMap/${active}`, 'ConfigMap/p-traffic', 'NetworkPolicy/p'].find((key) => !objects[key]);
  if (missing !== undefined) return is('Stalled') ? undefined : `rests without ${missing}`;
  const orphan = Object.values(objects).find(
    ({ kind, metadata: { ownerReferences } }) =>
      kind !== 'Pod' && kind !== 'InferencePipeline' && !ownerReferences?.length,
  );
  if (orphan) return `rests with an orphan: ${keyOf(orphan)}`;
  return hasEndpoints(objects) ? undefined : 'rests without a Ready pod, and without an activator in front';
}

const hashes = new WeakMap<Thing, string>();

/** The same for states that differ in versions, uids and times only. */
function fingerprint({ objects, cache, faults, edits, served, lost }: State): string {
  const one = (object: Thing): string => {
    const known = hashes.get(object);
    if (known !== undefined) return known;
    const text = JSON.stringify(object, (name, value: unknown) =>
      name === 'resourceVersion' || name === 'uid' || name === 'creationTimestamp' || name === 'penstock.dev/applied'
        ? undefined
        : value,
    ).replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T');
    const hash = createHash('sha1').update(text).digest('base64');
    hashes.set(object, hash);
    return hash;
  };
  const side = (side_: Objects): string =>
    Object.keys(side_)
      .sort()
      .map((key) => one(side_[key]!))
      .join('');
  const stale = Object.keys(cache)
    .filter((key) => cache[key]!.metadata.resourceVersion !== objects[key]?.metadata.resourceVersion)
    .sort()
    .join();
  return createHash('sha1')
    .update([side(objects), side(cache), side(lost), stale, faults, edits, served].join('|'))
    .digest('base64');
}
