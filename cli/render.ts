/**
 * What a pod of the pipeline would get, for this machine: the operator's own rendering, with folders in place of
 * volume mounts. Pure.
 */
import { configMapSource, ENV, type FetchItem } from '@penstock/contract';
import type { ConfigMapKeySelector, Container, EnvVar } from 'kubernetes-types/core/v1.js';
import { locksOf } from '../operator/api/locks.ts';
import type { Script } from '../operator/api/observed.ts';
import { CONTAINER } from '../operator/api/containers.ts';
import type { RenderConfig } from '../operator/api/renderConfig.ts';
import type { InferencePipeline } from '../operator/api/types.gen.ts';
import { quantity } from '../operator/api/units.ts';
import { effective } from '../operator/desired/effective.ts';
import { renderRevision, revisionName, type RevisionModel } from '../operator/desired/revision.ts';
import { inlineScript, isPython, noKey, scriptIn, withLock } from '../operator/desired/script.ts';
import { specProblem } from '../operator/plan/wantedRevision.ts';
import type { Shell } from './config.ts';
import { UserError, type ConfigMapObject, type Manifests } from './manifests.ts';

export interface Local {
  /** The environment of the scorer without folders and ports. */
  env: Record<string, string>;
  fetch: FetchItem[];
  /** Files of models from ConfigMaps: bytes by path below the folder of sources. */
  sources: Record<string, Buffer>;
  /** Files of the script: bytes by file name. */
  script: Record<string, Buffer>;
  /** Of a script in Python: the packages it needs, as a requirements.txt. */
  python?: { requirements?: string | undefined } | undefined;
  /** Of a script with npm packages. */
  packageLock?: string | undefined;
}

const CONFIG: RenderConfig = {
  scorerImage: 'local',
  imagePullPolicy: 'Never',
  imagePullSecrets: [],
  clusterDomain: 'cluster.local',
  privateSources: true,
  egress: {},
  python: { images: {}, defaultVersion: '' },
  npm: { registryUrl: 'https://npm.example' },
  maxPackagesSize: '4Gi',
  refreshAll: false,
  assignUser: true,
  namespace: 'penstock-system',
  verification: {},
};

/** Throws UserError for an object that is in none of the files, and for a spec that the operator would refuse. */
export function render(manifests: Manifests, shell: Shell): Local {
  const { pipeline, modelVersions, configMaps } = manifests;
  const models = modelsOf(pipeline, modelVersions);
  const script = scriptOf(pipeline, configMaps);
  const problem = specProblem({ pipeline, modelVersions, ...(script && { script }) });
  if (problem) throw new UserError(problem.message);
  checkRunsHere(pipeline);
  const resolved = effective(pipeline.spec);
  const input = { pipeline, models, script };
  const { podTemplate } = renderRevision(revisionName(input), {
    ...input,
    effective: resolved,
    config: CONFIG,
    now: 0,
  });
  const { containers, initContainers } = podTemplate.spec!;
  const scorer = containers.find(({ name }) => name === CONTAINER.scorer)!;
  const items = fetchItemsOf(initContainers?.[0]);
  const python = pythonOf(script);
  return {
    env: scorerEnv(python ? withVariables(scorer, pipeline) : scorer, resolved.limits.cpu ?? '1', (variable) =>
      valueOf(variable, shell, configMaps),
    ),
    fetch: items,
    sources: Object.fromEntries(items.flatMap((item) => sourceOf(item, configMaps))),
    script: bytesOf({ data: script?.files, binaryData: script?.binaries }),
    ...(python && { python }),
    packageLock: script?.packageLock,
  };
}

function checkRunsHere({ spec }: InferencePipeline): void {
  if (spec.environment?.server)
    throw new UserError(
      'environment.server runs in a cluster only: start the image yourself, and send requests to its own port',
    );
}

const pythonOf = (script: Script | undefined): Local['python'] =>
  script && isPython(script.entry) ? { requirements: script.requirements } : undefined;

/** Here, the scorer starts the process of a script in Python, which has the scorer's environment. */
const withVariables = (scorer: Container, { spec }: InferencePipeline): Container => ({
  ...scorer,
  env: [...((spec.environment?.variables ?? []) as EnvVar[]), ...(scorer.env ?? [])],
});

/** What the init container would download or copy; none without an init container. */
function fetchItemsOf(container: Container | undefined): FetchItem[] {
  const { value } = container?.env?.find(({ name }) => name === ENV.fetch) ?? {};
  return value === undefined ? [] : (JSON.parse(value) as FetchItem[]);
}

/** The environment of the scorer container, with authentication off and error messages shown. */
function scorerEnv({ env = [] }: Container, cpuLimit: string, valueOf: (variable: EnvVar) => string): Local['env'] {
  const local = {
    [ENV.auth]: 'None',
    [ENV.exposeErrors]: 'true',
    [ENV.cpuMillis]: String(Math.round(quantity(cpuLimit) * 1000)),
  };
  const others = env.filter(({ name }) => !(name in local)).map((variable) => [variable.name, valueOf(variable)]);
  return { ...(Object.fromEntries(others) as Local['env']), ...local };
}

/** The models of a pipeline. No Job has verified them; the fetch checks the digests that the manifests give. */
function modelsOf({ spec }: InferencePipeline, modelVersions: Manifests['modelVersions']): RevisionModel[] {
  return (spec.models ?? []).map(({ name, modelVersion }) => {
    const found = modelVersions[modelVersion];
    if (!found) throw new UserError(`ModelVersion ${modelVersion} is in none of the files: give its file with -f, too`);
    return { name, modelVersion: found, digest: found.spec.digest, sizeBytes: 0 };
  });
}

function scriptOf({ spec }: InferencePipeline, configMaps: Manifests['configMaps']): Script | undefined {
  const { script: inline, scriptFrom } = spec.scoring ?? {};
  if (inline !== undefined) return inlineScript(inline);
  if (!scriptFrom) return undefined;
  const from = scriptFrom.configMap;
  const picked = scriptIn(from, found(configMaps, from.name, 'spec.scoring.scriptFrom'));
  if ('problem' in picked) throw new UserError(picked.problem);
  let { script } = picked;
  for (const lock of locksOf(spec)) {
    const text = lock.from ? lockIn(lock.from.configMap, lock.field, configMaps) : lock.text;
    if (text !== undefined) script = withLock(script, lock, text, from.name);
  }
  return script;
}

function lockIn(
  { name, key }: { name: string; key: string },
  field: string,
  configMaps: Manifests['configMaps'],
): string {
  const configMap = found(configMaps, name, field);
  const text = configMap.data?.[key];
  if (text === undefined) throw new UserError(noKey({ name, key }, configMap));
  return text;
}

function found(configMaps: Manifests['configMaps'], name: string, where: string): ConfigMapObject {
  const configMap = configMaps[name];
  if (!configMap)
    throw new UserError(`ConfigMap ${name} of ${where} is in none of the files: give its file with -f, too`);
  return configMap;
}

/** The bytes of a ConfigMap by key. */
const bytesOf = ({
  data = {},
  binaryData = {},
}: {
  data?: Record<string, string> | undefined;
  binaryData?: Record<string, string> | undefined;
}): Record<string, Buffer> => ({
  ...Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)])),
  ...Object.fromEntries(Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')])),
});

/** The files of a source by their path below the folder of sources; none for a source that is downloaded. */
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

/** The value of an environment variable. A variable that reads a Secret on the cluster reads the shell here. */
function valueOf({ name, value, valueFrom }: EnvVar, shell: Shell, configMaps: Manifests['configMaps']): string {
  if (!valueFrom) return value ?? '';
  const { configMapKeyRef, secretKeyRef } = valueFrom;
  const found = (configMapKeyRef && valueOfKey(configMaps, configMapKeyRef)) ?? shell[name];
  if (found !== undefined) return found;
  const source = configMapKeyRef ? `ConfigMap ${configMapKeyRef.name}` : `Secret ${secretKeyRef?.name}`;
  throw new UserError(`variable ${name} comes from ${source}, which is not here: export ${name} in your shell`);
}

const valueOfKey = (
  configMaps: Manifests['configMaps'],
  { name = '', key }: ConfigMapKeySelector,
): string | undefined => configMaps[name]?.data?.[key];
