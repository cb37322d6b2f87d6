/**
 * Everything in a namespace as one value that two runs must agree on: what differs by nature (uids, times, keys) is
 * masked.
 */
import { TRAFFIC_FILE } from '@penstock/contract';
import { createHash } from 'node:crypto';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { KIND } from '../../../operator/api/kinds.ts';
import type { Kind } from '@penstock/kube/api/kinds';
import { ANNOTATION, LABEL } from '../../../operator/api/labels.ts';
import { names } from '../../../operator/desired/names.ts';
import { trafficHash } from '../../../operator/desired/traffic.ts';
import type { Admin, AnyObject } from './admin.ts';

const KINDS: Kind[] = [
  KIND.pipeline,
  KIND.modelVersion,
  KIND.configMap,
  KIND.secret,
  KIND.service,
  KIND.deployment,
  KIND.autoscaler,
  KIND.disruptionBudget,
  KIND.endpointSlice,
  KIND.networkPolicy,
  KIND.job,
];
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
/** Annotations that hold a hash of the owner's uid, or that a controller writes. */
const MASKED = [ANNOTATION.applied, 'deployment.kubernetes.io/revision'] as string[];

export type State = Record<string, unknown>;

/** Jobs are named after a uid, and carry one. */
const general = (text: string): string =>
  text.replace(/-verify-[0-9a-f]{8}-/g, '-verify-*-').replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID');

export interface StateOptions {
  /**
   * Leave out what depends on the way and not on the goal: kept revisions without pods, the history, counts that are an
   * autoscaler's, keys that were made once.
   */
  goalOnly?: boolean;
}

/** Each object by `Kind/name`. */
export async function stateOf(admin: Admin, namespace: string, options: StateOptions = {}): Promise<State> {
  const objects = (await Promise.all(KINDS.map((kind) => admin.list(kind, namespace)))).flat();
  const alive = new Set(objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name));
  const scaled = new Set(
    objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler').map(({ metadata }) => metadata.name),
  );
  const bygone = ({ kind, metadata }: AnyObject): boolean =>
    kind === 'Secret' || (metadata.labels?.[LABEL.role] === 'revision' && !alive.has(metadata.name));
  const kept = objects
    .filter((object) => !(options.goalOnly && bygone(object)))
    .map((object) => (options.goalOnly && scaled.size > 0 ? uncounted(object) : object));
  const entries = kept.map((object): [string, unknown] => [
    general(`${object.kind}/${object.metadata.name}`),
    JSON.parse(general(JSON.stringify(masked(object, options)).replaceAll(namespace, 'NS').replace(TIME, 'TIME'))),
  ]);
  const untold = await untoldPods(admin, namespace, objects);
  return Object.fromEntries([
    ...entries.sort(([a], [b]) => (a < b ? -1 : 1)),
    ['pods that do not know the traffic table', untold],
  ]);
}

/** How many running pods have not been told to read the table as it is now. */
async function untoldPods(admin: Admin, namespace: string, objects: AnyObject[]): Promise<number> {
  const pods = (await admin.list(KIND.pod, namespace)) as (AnyObject & { status?: { phase?: string } })[];
  const table = (pipeline: string): string | undefined =>
    (
      objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === names.traffic(pipeline))?.data as
        Record<string, string> | undefined
    )?.[TRAFFIC_FILE];
  return pods.filter(({ metadata, status }) => {
    const pipeline = metadata.labels?.[LABEL.pipeline];
    const text =
      pipeline === undefined || metadata.deletionTimestamp !== undefined || status?.phase !== 'Running'
        ? undefined
        : table(pipeline);
    return text !== undefined && metadata.annotations?.[ANNOTATION.traffic] !== trafficHash(text);
  }).length;
}

/** Without the numbers of pods. */
function uncounted(object: AnyObject): AnyObject {
  const without = (name: string, value: unknown): unknown =>
    ['replicas', 'ready', 'desired', 'summary'].includes(name) && typeof value !== 'object' && value !== 0
      ? 'COUNT'
      : value;
  return ['InferencePipeline', 'Deployment'].includes(object.kind)
    ? (JSON.parse(JSON.stringify(object, without).replace(/now \d+/g, 'now COUNT')) as AnyObject)
    : object;
}

export const digestOf = (state: State): string =>
  createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 16);

/** What is not the same, one line each. */
export function difference(wanted: unknown, got: unknown, path = ''): string[] {
  if (JSON.stringify(wanted) === JSON.stringify(got)) return [];
  if (typeof wanted !== 'object' || typeof got !== 'object' || wanted === null || got === null)
    return [`${path}: ${short(got)}, not ${short(wanted)}`];
  const keys = new Set([...Object.keys(wanted), ...Object.keys(got)]);
  return [...keys].flatMap((key) => difference((wanted as State)[key], (got as State)[key], `${path}/${key}`));
}

const short = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value)).slice(0, 200);

function masked(object: AnyObject, options: StateOptions): unknown {
  const {
    metadata: { labels, annotations = {}, ownerReferences = [], deletionTimestamp },
    status,
    apiVersion: _,
    kind: __,
    ...rest
  } = object;
  const kept = Object.fromEntries(Object.entries(annotations).filter(([name]) => !MASKED.includes(name)));
  const owners = ownerReferences.map(({ kind, name, controller }) => ({ kind, name, controller }));
  const ours = object.kind === 'InferencePipeline' || object.kind === 'ModelVersion';
  return sorted({
    labels,
    annotations: kept,
    owners,
    deleting: deletionTimestamp !== undefined,
    ...content(object.kind, rest),
    ...(ours && { status: maskedStatus(status as State, options) }),
  });
}

function content(kind: string, rest: Record<string, unknown>): Record<string, unknown> {
  if (kind === 'Secret') return { keys: Object.keys(rest.data ?? {}).sort() };
  if (kind === 'Service') return { spec: { ...(rest.spec as object), clusterIP: 'IP', clusterIPs: ['IP'] } };
  if (kind === 'EndpointSlice') return { ...rest, ports: 'PORT' }; // by the hash of namespace and name
  if (kind !== 'ConfigMap') return rest;
  const {
    'traffic.json': traffic,
    'podTemplate.json': template,
    ...data
  } = (rest.data ?? {}) as Record<string, string>;
  return {
    ...rest,
    data: {
      ...data,
      ...(traffic !== undefined && { traffic: traffic.replace(/[0-9a-f]{64}/g, 'HASH') }),
      ...(template !== undefined && { template: essence(template) }),
    },
  };
}

/**
 * A template written again after its ConfigMap and the operator were lost carries the server's defaults, too (DESIGN
 * §3).
 */
function essence(text: string): unknown {
  const { metadata, spec } = JSON.parse(text) as PodTemplateSpec;
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(
    ({ name, image, args, env, resources }) => ({ name, image, args, env, resources }),
  );
  return { labels: metadata?.labels, containers, volumes: spec?.volumes?.map(({ name }) => name) };
}

/** Revisions by name: those of one second stand in no order. */
function maskedStatus(status: State | undefined, { goalOnly }: StateOptions): unknown {
  const { revisions, history, ...rest } = (status ?? {}) as {
    revisions?: { name: string; replicas: number | string }[];
    history?: unknown;
  };
  const shown = [...(revisions ?? [])]
    .filter(({ replicas }) => !goalOnly || replicas !== 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const { observedGeneration: _, verifiedSource: __, ...goal } = rest as State;
  const conditions = (
    goal.conditions as { observedGeneration?: number; lastTransitionTime?: string }[] | undefined
  )?.map(({ observedGeneration: ___, lastTransitionTime: ____, ...condition }) => condition);
  return goalOnly
    ? { ...goal, conditions, revisions: shown }
    : { ...rest, verifiedSource: 'SOURCE', revisions: shown, history };
}

/** The same object whatever the order its fields were written in. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
