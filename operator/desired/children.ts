/** Every child a pipeline should have after this reconcile. */
import type { Traffic } from '@penstock/contract';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { ScriptFiles } from '../api/observed.ts';
import type { NetworkAccess } from '../api/renderConfig.ts';
import type { LiveRevision, Plan } from '../api/plan.ts';
import type { InferencePipeline } from '../api/types.gen.ts';
import { activationOf, activatorSlice } from './activator.ts';
import { autoscaler } from './autoscaler.ts';
import { deployment } from './deployment.ts';
import { names } from './names.ts';
import { disruptionBudget, networkPolicy } from './protection.ts';
import { revisionConfigMap } from './revision.ts';
import { service } from './service.ts';
import { trafficConfigMap } from './traffic.ts';

export interface ChildrenInput extends Pick<Plan, 'effective' | 'metrics' | 'stable' | 'scaleToZero' | 'live'> {
  pipeline: InferencePipeline;
  traffic: Traffic;
  /** Files of a revision that has no ConfigMap yet. */
  scriptFiles: Partial<ScriptFiles>;
  /** Absent: no NetworkPolicy. */
  networkAccess?: NetworkAccess | undefined;
  /** The pipeline has had children before. */
  initialized: boolean;
}

/**
 * Apply waves. Objects of one wave are independent and applied in parallel; the next wave starts only after all
 * succeeded. ConfigMaps precede what mounts them; the Service switches before the traffic table marks a revision
 * `retiring`. No child is created before the first revision is known. Of a retiring revision only a lost ConfigMap is
 * written.
 */
export function children(input: ChildrenInput): KubeObject[][] {
  const { pipeline, effective, metrics, traffic, live, initialized } = input;
  if (live.length === 0 && !initialized) return [];
  const staying = live.filter(({ role }) => role !== 'retiring');
  return [
    [...revisionConfigMaps(input), ...services(input, staying), ...networkPolicies(input)],
    [trafficConfigMap(pipeline, traffic), ...activatorSlices(input)],
    staying.map(({ revision, stepwise }) => deployment(pipeline, revision, effective, stepwise)),
    staying.flatMap(({ revision, autoscaled, scalingFrozen }) => [
      ...(autoscaled && !scalingFrozen ? [autoscaler(pipeline, revision, effective, metrics)] : []),
      ...(effective.disruptionBudget && !scalingFrozen ? [disruptionBudget(pipeline, revision.name)] : []),
    ]),
  ];
}

const revisionConfigMaps = ({ pipeline, live, scriptFiles }: ChildrenInput): KubeObject[] =>
  live
    .filter(({ revision }) => !revision.configMap)
    .map(({ revision }) => revisionConfigMap(pipeline, revision, scriptFiles));

/** The stable Service, and one for each other revision with pods (ADR 8). */
function services({ pipeline, stable }: ChildrenInput, staying: LiveRevision[]): KubeObject[] {
  const others = staying.filter(({ revision }) => revision.name !== stable);
  return [
    ...(stable === undefined ? [] : [service(pipeline, names.service(pipeline.metadata.name), stable)]),
    ...others.map(({ revision }) => service(pipeline, revision.name, revision.name)),
  ];
}

const networkPolicies = ({ pipeline, networkAccess }: ChildrenInput): KubeObject[] =>
  networkAccess ? [networkPolicy(pipeline, networkAccess)] : [];

function activatorSlices({ pipeline, effective, traffic, stable, scaleToZero }: ChildrenInput): KubeObject[] {
  if (!scaleToZero?.route || stable === undefined) return [];
  return [activatorSlice(pipeline, scaleToZero.route, activationOf(stable, effective, traffic.keyHashes))];
}
