/** The traffic table: which revisions serve or retire, and which keys are good; mounted in every pod of a pipeline. */
import { TRAFFIC_FILE, type Traffic } from '@penstock/contract';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '../api/objects.ts';
import type { ObservedPipeline } from '../api/observed.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { canonical, sha256 } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';

/** The table for one active revision and those that retire; `since` stays as it was while a state lasts. */
export function trafficTable({ traffic, keyHashes, now }: ObservedPipeline, active: string | undefined, retiring: string[]): Traffic {
  const entry = (name: string, state: 'serving' | 'retiring') => {
    const before = traffic?.revisions[name];
    return [name, before?.state === state ? before : { state, since: new Date(now).toISOString() }] as const;
  };
  return { revisions: Object.fromEntries([...(active === undefined ? [] : [entry(active, 'serving')]), ...retiring.map((name) => entry(name, 'retiring'))]), keyHashes };
}

export const trafficText = (table: Traffic): string => canonical(table);
export const trafficHash = (text: string): string => sha256(text).slice(0, 16);

export function trafficConfigMap(pipeline: InferencePipeline, table: Traffic): Stored<ConfigMap> {
  return {
    apiVersion: 'v1', kind: 'ConfigMap',
    metadata: childMeta(pipeline, names.traffic(pipeline.metadata.name), { [LABEL.pipeline]: pipeline.metadata.name, [LABEL.role]: 'traffic' }),
    data: { [TRAFFIC_FILE]: trafficText(table) },
  };
}
