/**
 * The container of the user's code, where the scorer is before it: a script in Python, or a server of the user's own.
 * It has the resources of the spec.
 */
import { ENV, LARGEST_BODIES, MOUNT } from '@penstock/contract';
import type { EnvVar, VolumeMount } from 'kubernetes-types/core/v1.js';
import type { Effective, InferencePipelineSpec } from '../api/types.gen.ts';
import { quantity } from '../api/units.ts';
import { diskResources, MODELS_VOLUME, TMP_VOLUME, type ContainerResources } from './fetching.ts';

/** Settings of the endpoint, which the user sets in the environment of the code, and the scorer reads. */
const SCORER_VARIABLES: readonly string[] = [ENV.workers, ENV.scoringTimeoutMs, ENV.corsOrigins, ENV.accessLog];

/** Memory of the scorer, beside the bodies of requests. */
const SCORER_MEMORY = 256 * 2 ** 20;

/** Resources of the scorer in a pod whose code runs in another container. */
export function scorerResources({ maxRequestBytes }: Effective, modelMebibytes: number): ContainerResources {
  const disk = diskResources(modelMebibytes);
  const memory = SCORER_MEMORY + LARGEST_BODIES * quantity(maxRequestBytes);
  return {
    requests: { cpu: '100m', memory: '128Mi', ...disk.requests },
    limits: { cpu: '1', memory: `${Math.ceil(memory / 2 ** 20)}Mi`, ...disk.limits },
  };
}

/** The variables that the scorer reads. All others are for the code alone. */
export const scorerVariables = (variables: EnvVar[]): EnvVar[] =>
  variables.filter(({ name }) => SCORER_VARIABLES.includes(name));

/** Defaults, the variables of the user, and `ours`, in this order: a later one wins. */
export function codeVariables(
  { environment }: InferencePipelineSpec,
  effective: Effective,
  ours: Record<string, string>,
): EnvVar[] {
  const variables = (environment?.variables ?? []) as EnvVar[];
  return [...variablesOf(defaults(effective, variables)), ...variables, ...variablesOf(ours)];
}

const variablesOf = (values: Record<string, string>): EnvVar[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

/**
 * What libraries expect: a user without an entry in /etc/passwd, folders that can be written, and threads for the CPU
 * of the container, because they would take those of the node.
 */
function defaults({ limits }: Effective, variables: EnvVar[]): Record<string, string> {
  const workers = Number(variables.find(({ name }) => name === ENV.workers)?.value ?? 1) || 1;
  const threads = String(Math.max(1, Math.floor(quantity(limits.cpu ?? '1') / workers)));
  return {
    HOME: '/tmp',
    USER: 'nonroot',
    JOBLIB_TEMP_FOLDER: '/tmp',
    PYTHONPYCACHEPREFIX: '/tmp/pycache',
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
  };
}

export const MODELS_MOUNT: VolumeMount = { name: MODELS_VOLUME, mountPath: MOUNT.models, readOnly: true };
export const TMP_MOUNT: VolumeMount = { name: TMP_VOLUME.name, mountPath: '/tmp' };
