/** What a pod of the pipeline would get, for this machine: the operator's own rendering, with folders in place of mounts. Pure. */
import { configMapSource, ENV, type FetchItem } from '@penstock/contract';
import type { EnvVar } from 'kubernetes-types/core/v1.js';
import type { RenderConfig, Script } from '../operator/api/observed.ts';
import type { InferencePipeline } from '../operator/api/types.gen.ts';
import { quantity } from '../operator/api/units.ts';
import { effective } from '../operator/desired/effective.ts';
import { renderRevision, revisionName, type RevisionModel } from '../operator/desired/revision.ts';
import { inlineScript, scriptIn } from '../operator/desired/script.ts';
import { specProblem } from '../operator/plan/wantedRevision.ts';
import type { Shell } from './config.ts';
import { UserError, type ConfigMapObject, type Manifests } from './manifests.ts';

export interface Local {
  /** Environment of the scorer, folders and ports aside. */
  env: Record<string, string>;
  fetch: FetchItem[];
  /** Bytes by path below the folder of sources: models out of ConfigMaps. */
  sources: Record<string, Buffer>;
  /** Bytes by file name. */
  script: Record<string, Buffer>;
}

const CONFIG: RenderConfig = {
  scorerImage: 'local',
  imagePullPolicy: 'Never',
  imagePullSecrets: [],
  clusterDomain: 'cluster.local',
  privateSources: true,
};

/** Throws UserError for what is in none of the files, and for a spec that the operator would refuse. */
export function render({ pipeline, modelVersions, configMaps }: Manifests, shell: Shell): Local {
  const models = modelsOf(pipeline, modelVersions);
  const script = scriptOf(pipeline, configMaps);
  const problem = specProblem({ pipeline, modelVersions, ...(script && { script }) });
  if (problem) throw new UserError(problem.message);
  const resolved = effective(pipeline.spec);
  const input = { pipeline, models, script };
  const { podTemplate } = renderRevision(revisionName(input), {
    ...input,
    effective: resolved,
    config: CONFIG,
    now: 0,
  });
  const { containers, initContainers } = podTemplate.spec!;
  const fetch = initContainers?.[0]?.env?.find(({ name }) => name === ENV.fetch)?.value ?? '[]';
  const items = JSON.parse(fetch) as FetchItem[];
  const local = {
    [ENV.auth]: 'None',
    [ENV.exposeErrors]: 'true',
    [ENV.cpuMillis]: String(Math.round(quantity(resolved.limits.cpu ?? '1') * 1000)),
  };
  const variables = (containers[0]!.env ?? []).filter(({ name }) => !(name in local));
  return {
    env: {
      ...Object.fromEntries(variables.map((variable) => [variable.name, valueOf(variable, shell, configMaps)])),
      ...local,
    },
    fetch: items,
    sources: Object.fromEntries(items.flatMap((item) => sourceOf(item, configMaps))),
    script: bytesOf({ data: script?.files ?? {}, binaryData: script?.binaries ?? {} }),
  };
}

/** The models of a pipeline. Nothing has verified them: the fetch checks the digests that the manifests have. */
function modelsOf({ spec }: InferencePipeline, modelVersions: Manifests['modelVersions']): RevisionModel[] {
  return (spec.models ?? []).map(({ name, modelVersion }) => {
    const found = modelVersions[modelVersion];
    if (!found) throw new UserError(`ModelVersion ${modelVersion} is in none of the files: give its file with -f, too`);
    return { name, modelVersion: found, digest: found.spec.digest, sizeBytes: 0 };
  });
}

function scriptOf({ spec: { scoring } }: InferencePipeline, configMaps: Manifests['configMaps']): Script | undefined {
  if (scoring?.script !== undefined) return inlineScript(scoring.script);
  const from = scoring?.scriptFrom?.configMap;
  if (!from) return undefined;
  const picked = scriptIn(from, found(configMaps, from.name, 'spec.scoring.scriptFrom'));
  if ('problem' in picked) throw new UserError(picked.problem);
  return picked.script;
}

function found(configMaps: Manifests['configMaps'], name: string, where: string): ConfigMapObject {
  const configMap = configMaps[name];
  if (!configMap)
    throw new UserError(`ConfigMap ${name} of ${where} is in none of the files: give its file with -f, too`);
  return configMap;
}

/** All keys of a ConfigMap. */
const bytesOf = ({
  data = {},
  binaryData = {},
}: Pick<ConfigMapObject, 'data' | 'binaryData'>): Record<string, Buffer> => ({
  ...Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
  ...Object.fromEntries(Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')])),
});

/** The files of a source by their path below the sources; none for what is downloaded. */
function sourceOf({ name, uri }: FetchItem, configMaps: Manifests['configMaps']): [string, Buffer][] {
  const source = configMapSource(uri);
  if (!source) return [];
  const files = bytesOf(found(configMaps, source.name, uri));
  if (source.key !== undefined && !Object.hasOwn(files, source.key))
    throw new UserError(`ConfigMap ${source.name} has no key ${source.key}`);
  const strange = Object.keys(files).find((key) => !/^[-._a-zA-Z0-9]+$/.test(key) || key.startsWith('..'));
  if (strange !== undefined)
    throw new UserError(
      `ConfigMap ${source.name} has the key ${JSON.stringify(strange)}, which Kubernetes would refuse: letters, digits and -._ are allowed`,
    );
  return Object.entries(files)
    .filter(([key]) => source.key === undefined || key === source.key)
    .map(([key, bytes]) => [`${name}/${key}`, bytes]);
}

/** What comes out of a Secret on the cluster comes out of the shell here. */
function valueOf({ name, value, valueFrom }: EnvVar, shell: Shell, configMaps: Manifests['configMaps']): string {
  if (!valueFrom) return value ?? '';
  const { configMapKeyRef: map } = valueFrom;
  const known = map ? configMaps[map.name ?? '']?.data?.[map.key] : undefined;
  const given = known ?? shell[name];
  if (given === undefined)
    throw new UserError(
      `variable ${name} comes from ${map ? `ConfigMap ${map.name}` : `Secret ${valueFrom.secretKeyRef?.name}`}, which is not here: export ${name} in your shell`,
    );
  return given;
}
