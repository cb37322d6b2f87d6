/** The traffic table: which revisions serve or retire, and which keys are good; mounted in every pod of a pipeline. */
import { SCHEMA_VERSION, TRAFFIC_FILE, type Traffic } from '@penstock/contract';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '../api/objects.ts';
import type { ObservedPipeline, Revision } from '../api/observed.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { canonical, sha256 } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';

export interface TrafficInput {
  effective: Effective;
  wanted?: Revision | undefined;
  active?: string | undefined;
  live: { revision: Revision; role: 'active' | 'next' | 'retiring' }[];
}

/**
 * The table for one active revision and those that retire; `since` stays as it was while a state lasts. Hashes of keys
 * stay while pods of an older revision may ask for them.
 */
export function trafficTable(
  { traffic, keyHashes, now }: ObservedPipeline,
  { effective, wanted, active, live }: TrafficInput,
): Traffic {
  const entry = (name: string, state: 'serving' | 'retiring') => {
    const before = traffic?.revisions[name];
    return [name, before?.state === state ? before : { state, since: new Date(now).toISOString() }] as const;
  };
  const retiring = live
    .filter(({ role }) => role === 'retiring')
    .map(({ revision }) => entry(revision.name, 'retiring'));
  const asked = effective.auth === 'Key' || live.some(({ revision }) => revision.name !== wanted?.name);
  return {
    schemaVersion: SCHEMA_VERSION,
    revisions: Object.fromEntries([...(active === undefined ? [] : [entry(active, 'serving')]), ...retiring]),
    keyHashes: asked ? keyHashes : [],
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
