/** Reads the manifests that a user would give to kubectl apply. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as yaml from 'js-yaml';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { InferencePipeline, ModelVersion } from '../operator/api/types.gen.ts';
import { problemsOf, type Crd } from './validate.ts';

/** An error that the user can correct. It is printed without a stack. */
export class UserError extends Error {}

export interface ConfigMapObject extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}

export interface Manifests {
  pipeline: InferencePipeline;
  modelVersions: Record<string, ModelVersion>;
  configMaps: Record<string, ConfigMapObject>;
}

/** The files at these paths. A folder stands for its YAML and JSON files, as with kubectl apply -f. */
export function filesOf(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) throw new UserError(`${path} does not exist`);
    return found.isDirectory()
      ? readdirSync(path)
          .filter((name) => /\.(ya?ml|json)$/.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path];
  });
}

/** Reads a CRD of this repository. */
export const readCrd = (file: string): Crd => yaml.load(readFileSync(file, 'utf8')) as Crd;

/** Throws UserError with all errors that the API server would report. */
export function checkManifests({ pipeline, modelVersions }: Manifests, crds: readonly Crd[]): void {
  const problems = [pipeline, ...Object.values(modelVersions)].flatMap((object) => {
    const crd = crds.find(({ spec }) => spec.names.kind === object.kind)!;
    return problemsOf(object, crd).map((problem) => `${object.kind} ${object.metadata.name} is invalid: ${problem}`);
  });
  if (problems.length > 0) throw new UserError(problems.join('\n'));
}

/** Reads all documents. Throws UserError if there is not exactly one pipeline, or none with this name. */
export function readManifests(files: readonly string[], name?: string): Manifests {
  const objects = files.flatMap((file) => documents(file));
  const pipelines = objects.filter(({ kind }) => kind === 'InferencePipeline') as InferencePipeline[];
  const chosen = name === undefined ? pipelines : pipelines.filter(({ metadata }) => metadata.name === name);
  if (chosen.length !== 1)
    throw new UserError(
      pipelines.length === 0
        ? `no InferencePipeline in ${files.join(', ')}`
        : `there are the pipelines ${pipelines.map(({ metadata }) => metadata.name).join(', ')}: choose one with --pipeline NAME`,
    );
  const byName = <T extends KubeObject>(kind: string): Record<string, T> =>
    Object.fromEntries(
      objects.filter((object) => object.kind === kind).map((object) => [object.metadata.name, object as T]),
    );
  return {
    pipeline: chosen[0]!,
    modelVersions: byName<ModelVersion>('ModelVersion'),
    configMaps: byName<ConfigMapObject>('ConfigMap'),
  };
}

function documents(file: string): KubeObject[] {
  try {
    return (yaml.loadAll(readFileSync(file, 'utf8')) as (KubeObject | null)[]).filter(
      (object): object is KubeObject =>
        typeof object?.kind === 'string' &&
        typeof (object.metadata as { name?: unknown } | undefined)?.name === 'string',
    );
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
