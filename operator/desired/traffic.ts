/**
 * The traffic table, a ConfigMap that every pod of a pipeline mounts: which revisions serve or retire, and the hashes
 * of the keys.
 */
import { SCHEMA_VERSION, TRAFFIC_FILE, type Traffic } from '@penstock/contract';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { ObservedPipeline } from '../api/observed.ts';
import type { Plan } from '../api/plan.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { canonical, sha256 } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';

/**
 * The table for the stable revision and those that retire. `since` is kept while a state lasts. The hashes of keys stay
 * while there may be pods of an older revision that check keys.
 */
export function trafficTable(
  { traffic, now }: Pick<ObservedPipeline, 'traffic' | 'now'>,
  { effective, wanted, stable, live }: Pick<Plan, 'effective' | 'wanted' | 'stable' | 'live'>,
  keyHashes: string[],
): Traffic {
  const entry = (name: string, state: 'serving' | 'retiring') => {
    const before = traffic?.revisions[name];
    return [name, before?.state === state ? before : { state, since: new Date(now).toISOString() }] as const;
  };
  const retiring = live
    .filter(({ role }) => role === 'retiring')
    .map(({ revision }) => entry(revision.name, 'retiring'));
  const keysNeeded = effective.auth === 'Key' || live.some(({ revision }) => revision.name !== wanted?.name);
  return {
    schemaVersion: SCHEMA_VERSION,
    revisions: Object.fromEntries([...(stable === undefined ? [] : [entry(stable, 'serving')]), ...retiring]),
    keyHashes: keysNeeded ? keyHashes : [],
  };
}

export const trafficText = (table: Traffic): string => canonical(table);
export const trafficHash = (text: string): string => sha256(text).slice(0, 16);

export function trafficConfigMap(pipeline: InferencePipeline, table: Traffic): Stored<ConfigMap> {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMeta(pipeline, names.traffic(pipeline.metadata.name), {
      [LABEL.pipeline]: pipeline.metadata.name,
      [LABEL.role]: 'traffic',
    }),
    data: { [TRAFFIC_FILE]: trafficText(table) },
  };
}
