/** Every child a pipeline should have after this reconcile, in the order in which they are applied. */
import type { Traffic } from '@penstock/contract';
import type { KubeObject } from '../api/objects.ts';
import type { Revision } from '../api/observed.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { autoscaler } from './autoscaler.ts';
import { deployment } from './deployment.ts';
import { names } from './names.ts';
import { disruptionBudget, networkPolicy } from './protection.ts';
import { revisionConfigMap } from './revision.ts';
import { service } from './service.ts';
import { trafficConfigMap } from './traffic.ts';

export interface ChildrenInput {
  pipeline: InferencePipeline;
  effective: Effective;
  traffic: Traffic;
  active?: string | undefined;
  /** Revisions with pods; of one that retires nothing is made or mended any more. */
  live: { revision: Revision; role: 'active' | 'next' | 'retiring'; autoscaled: boolean; held: boolean }[];
  /** Files of a revision that has no ConfigMap yet. */
  scriptFiles: Record<string, string>;
}

/** What is referenced comes before what refers to it; the stable Service is switched before an old revision is told to retire. */
export function children({ pipeline, effective, traffic, active, live, scriptFiles }: ChildrenInput): KubeObject[] {
  const { name } = pipeline.metadata;
  const staying = live.filter(({ role }) => role !== 'retiring');
  return [
    ...staying.flatMap(({ revision }) => (revision.configMap ? [] : [revisionConfigMap(pipeline, revision, scriptFiles)])),
    ...(active === undefined ? [] : [service(pipeline, names.service(name), active)]),
    trafficConfigMap(pipeline, traffic),
    networkPolicy(pipeline),
    ...staying.flatMap(({ revision, autoscaled, held }) => [
      service(pipeline, revision.name, revision.name),
      deployment(pipeline, revision, effective),
      ...(autoscaled && !held ? [autoscaler(pipeline, revision.name, effective)] : []),
      ...(effective.disruptionBudget && !held ? [disruptionBudget(pipeline, revision.name)] : []),
    ]),
  ];
}
