/**
 * Every label, annotation and text that the operator reads of a pipeline's objects, each with hostile values: the real
 * reconcile, on values. Whatever a tenant wrote, a reconcile ends by itself, and comes to rest.
 */
import { ANNOTATION, LABEL, SLICE_LABEL } from '../../../operator/api/labels.ts';
import {
  ownerKeys,
  deploymentKeys,
  pipelineKeys,
  podOwnerKeys,
  modelVersionKeys,
  endpointSliceKeys,
} from '../../../operator/caches/indexes.ts';
import { Cache, type Index } from '@penstock/kube/cache/cache';
import { playPods } from '../state-space/pods.ts';
import { reconcileOnce } from '../state-space/reconcile.ts';
import { keyOf, type Objects, type Thing } from '../state-space/server.ts';

const START = Date.parse('2026-11-24T12:00:00Z');
const TICK_MS = 30_000;
const MOST_ROUNDS = 40;

/** Texts that are no JSON, JSON of another shape, or hard to look at. */
export const TEXTS: readonly string[] = [
  '',
  ' ',
  'x',
  '0',
  '-1',
  '1e999',
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '{',
  '[[',
  '"',
  '\\',
  '\0',
  '\n',
  '\ud800',
  '__proto__',
  'constructor',
  'toString',
  '../../..',
  'x'.repeat(100_000),
  '{"models":[null]}',
  '{"models":[{}],"pipeline":"p","createdAt":"x","target":"x","image":"x"}',
  '{"models":null}',
  '{"spec":null}',
  '{"spec":{"containers":[null],"volumes":null}}',
  '{"metadata":null,"spec":{"containers":[]}}',
  '{"revisions":null,"keyHashes":null}',
  '{"revisions":{"p":null},"keyHashes":[]}',
  '{"revisions":{"__proto__":{"state":"retiring","since":"x"}},"keyHashes":["x"]}',
  '{"schemaVersion":99}',
  '{"revision":1,"auth":"Key","keyHashes":[null]}',
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  '999999999999999999999',
  '2026-13-45T99:99:99Z',
];
/** What no API server takes for a text, but a reader should bear. */
export const VALUES: readonly unknown[] = [null, 0, -1, true, [], {}, [null], { a: null }];

export interface Poisoned {
  what: string;
  objects: Objects;
}

/** A pipeline that serves, with all its children and pods. */
export async function settledPipeline(): Promise<Objects> {
  const script = 'export const init = () => {}; export const run = (x) => x;';
  const pipeline = {
    apiVersion: 'penstock.dev/v1alpha1',
    kind: 'InferencePipeline',
    metadata: { name: 'p', namespace: 'ns', uid: 'uid-p', generation: 1, resourceVersion: '1' },
    spec: { target: 'Production', endpoint: { auth: { mode: 'None' } }, scoring: { script } },
  } as unknown as Thing;
  const { objects } = await settle({ 'InferencePipeline/p': pipeline });
  return objects;
}

/** Every object with each of its texts, our labels and our annotations replaced by each value. */
export function* poisoned(objects: Objects, values: readonly unknown[]): Generator<Poisoned> {
  for (const [key, object] of Object.entries(objects)) {
    for (const path of [...textsOf(object), ...ours(object)]) {
      for (const value of values) {
        const what = `${key} ${path.join('.')} = ${JSON.stringify(value).slice(0, 60)}`;
        yield { what, objects: { ...objects, [key]: withValue(object, path, value) as Thing } };
      }
    }
  }
}

const IDENTITY = /^(apiVersion|kind|metadata\.(name|namespace|uid|resourceVersion|creationTimestamp))$/;

/** Paths of all texts of an object that another account can write. */
function textsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value === 'string') return IDENTITY.test(path.join('.')) ? [] : [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => textsOf(inner, [...path, name]));
}

/** Labels and annotations of ours that the object does not have. */
function ours({ metadata }: Thing): string[][] {
  const [labels, annotations] = [Object.values({ ...LABEL, ...SLICE_LABEL }), Object.values(ANNOTATION)];
  return [
    ...labels.filter((name) => metadata.labels?.[name] === undefined).map((name) => ['metadata', 'labels', name]),
    ...annotations
      .filter((name) => metadata.annotations?.[name] === undefined)
      .map((name) => ['metadata', 'annotations', name]),
  ];
}

function withValue(object: unknown, [name, ...rest]: string[], value: unknown): unknown {
  if (name === undefined) return value;
  if (Array.isArray(object))
    return object.map((inner: unknown, i) => (String(i) === name ? withValue(inner, rest, value) : inner));
  return {
    ...(object as object),
    [name]: withValue((object as Record<string, unknown> | undefined)?.[name], rest, value),
  };
}

/** Reconciles until nothing changes. `problem`: it never does, or an error that no reconcile may throw. */
export async function settle(from: Objects): Promise<{ objects: Objects; problem?: string }> {
  let [objects, version, now] = [from, 1_000, START];
  try {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const done = await reconcileOnce({ objects, cache: objects, lost: {}, version, now });
      const played = playPods(done.objects, done.version);
      if (done.writes.length === 0 && played.objects === done.objects) return { objects };
      [objects, version, now] = [played.objects, played.version, now + TICK_MS];
    }
    return { objects, problem: 'never comes to rest' };
  } catch (error) {
    return { objects, problem: `throws ${error instanceof Error ? error.stack : String(error)}` };
  }
}

const INDEXES: Record<string, Index<never>> = {
  ownerKeys,
  deploymentKeys,
  pipelineKeys,
  podOwnerKeys,
  modelVersionKeys,
  endpointSliceKeys,
};

/** Each index on an object; the names of those that cannot take it. */
export function unindexed(object: Thing): string[] {
  return Object.entries(INDEXES).flatMap(([name, index]) => {
    const failures: Error[] = [];
    const cache = new Cache<Thing>(index as Index<Thing>, (error) => failures.push(error));
    cache.put(structuredClone(object));
    cache.remove(keyOf(object).replace(/^[^/]*/, 'ns'), object.metadata.uid, 1e9);
    return failures.length > 0 && applies(name, object) ? [name] : [];
  });
}

/** Indexes read fields that only their kind has. */
const KIND_OF: Record<string, string> = {
  deploymentKeys: 'Deployment',
  pipelineKeys: 'InferencePipeline',
  modelVersionKeys: 'ModelVersion',
  endpointSliceKeys: 'EndpointSlice',
};
const applies = (index: string, { kind }: Thing): boolean => (KIND_OF[index] ?? kind) === kind;
