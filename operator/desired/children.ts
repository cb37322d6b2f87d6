/** Every child a pipeline should have after this reconcile. */
import type { Traffic } from '@penstock/contract';
import type { KubeObject } from '../api/objects.ts';
import type { NetworkAccess, Revision, ScriptFiles } from '../api/observed.ts';
import type { Effective, EffectiveMetric, InferencePipeline } from '../api/types.gen.ts';
import { activationOf, activatorSlice, type Route } from './activator.ts';
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
  /** What the autoscaler can be told to look at. */
  metrics: EffectiveMetric[];
  traffic: Traffic;
  active?: string | undefined;
  /** Of the active revision, where it may have no pods. */
  rest?: { route?: Route | undefined } | undefined;
  /** Revisions with pods; of one that retires nothing but a lost ConfigMap is made or mended any more. */
  live: { revision: Revision; role: 'active' | 'next' | 'retiring'; autoscaled: boolean; held: boolean }[];
  /** Files of a revision that has no ConfigMap yet. */
  scriptFiles: Partial<ScriptFiles>;
  /** Absent: no NetworkPolicy. */
  networkAccess?: NetworkAccess | undefined;
  /** The pipeline has had children before. */
  begun: boolean;
}

/**
 * In strides: what a stride holds does not depend on itself and is applied at the same time. What is referenced comes
 * before what refers to it; the stable Service is switched before an old revision is told to retire. Nothing is made
 * before the first revision is known.
 */
export function children({
  pipeline,
  effective,
  metrics,
  traffic,
  active,
  rest,
  live,
  scriptFiles,
  networkAccess,
  begun,
}: ChildrenInput): KubeObject[][] {
  const { name } = pipeline.metadata;
  if (live.length === 0 && !begun) return [];
  const staying = live.filter(({ role }) => role !== 'retiring');
  return [
    [
      ...live.flatMap(({ revision }) =>
        revision.configMap ? [] : [revisionConfigMap(pipeline, revision, scriptFiles)],
      ),
      ...(active === undefined ? [] : [service(pipeline, names.service(name), active)]),
      ...staying
        .filter(({ revision }) => revision.name !== active)
        .map(({ revision }) => service(pipeline, revision.name, revision.name)),
      ...(networkAccess ? [networkPolicy(pipeline, networkAccess)] : []),
    ],
    [
      trafficConfigMap(pipeline, traffic),
      ...(rest?.route && active !== undefined
        ? [activatorSlice(pipeline, rest.route, activationOf(active, effective, traffic.keyHashes))]
        : []),
    ],
    staying.map(({ revision }) => deployment(pipeline, revision, effective)),
    staying.flatMap(({ revision, autoscaled, held }) => [
      ...(autoscaled && !held ? [autoscaler(pipeline, revision.name, effective, metrics)] : []),
      ...(effective.disruptionBudget && !held ? [disruptionBudget(pipeline, revision.name)] : []),
    ]),
  ];
}
