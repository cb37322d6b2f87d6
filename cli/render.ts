/** What a pod of the pipeline would get, for this machine: the operator's own rendering, with folders in place of mounts. Pure. */
import { ENV, type FetchItem } from '@penstock/contract';
import type { EnvVar } from 'kubernetes-types/core/v1.js';
import type { Script } from '../operator/api/observed.ts';
import type { InferencePipeline, ModelVersion } from '../operator/api/types.gen.ts';
import { quantity } from '../operator/api/units.ts';
import { effective } from '../operator/desired/effective.ts';
import { configMapSource } from '../operator/desired/fetching.ts';
import { wantedRevision } from '../operator/desired/revision.ts';
import { inlineScript, scriptIn } from '../operator/desired/script.ts';
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

const NOTHING = `sha256:${'0'.repeat(64)}`;

/** Throws UserError for what is not there, and what the operator would say of a spec that cannot be. */
export function render({ pipeline, modelVersions, configMaps }: Manifests, shell: Shell): Local {
  const used = Object.fromEntries(
    (pipeline.spec.models ?? []).map(({ modelVersion }) => [
      modelVersion,
      verified(modelVersions[modelVersion], modelVersion),
    ]),
  );
  const script = scriptOf(pipeline, configMaps);
  const resolved = effective(pipeline.spec);
  const seen = {
    pipeline,
    modelVersions: used,
    now: 0,
    revisions: [],
    deployments: [],
    autoscalers: [],
    pods: [],
    children: [],
    orphans: [],
    keyHashes: [],
    ...(script && { script }),
  };
  const { podTemplate } = wantedRevision(seen, resolved, {
    scorerImage: 'local',
    imagePullPolicy: 'Never',
    imagePullSecrets: [],
    clusterDomain: 'cluster.local',
    privateSources: true,
  });
  const scorer = podTemplate.spec!.containers[0]!;
  const fetch = JSON.parse(
    podTemplate.spec!.initContainers?.[0]?.env?.find(({ name }) => name === ENV.fetch)?.value ?? '[]',
  ) as FetchItem[];
  const local = {
    [ENV.auth]: 'None',
    [ENV.exposeErrors]: 'true',
    [ENV.cpuMillis]: String(Math.round(quantity(resolved.limits.cpu ?? '1') * 1000)),
  };
  return {
    env: {
      ...Object.fromEntries(
        (scorer.env ?? [])
          .filter(({ name }) => !(name in local))
          .map((variable) => [variable.name, valueOf(variable, shell, configMaps)]),
      ),
      ...local,
    },
    fetch: fetch.map(({ digest, ...item }) => (digest === NOTHING ? item : { ...item, digest: digest! })),
    sources: Object.fromEntries(fetch.flatMap((item) => sourceOf(item, configMaps))),
    script: bytesOf({ data: script?.files ?? {}, binaryData: script?.binaries ?? {} }),
  };
}

/** As if it had been verified; the digest is checked by the fetch. */
function verified(modelVersion: ModelVersion | undefined, name: string): ModelVersion {
  if (!modelVersion) throw new UserError(`ModelVersion ${name} is in none of the files: give its file with -f, too`);
  const conditions = [
    {
      type: 'Ready',
      status: 'True' as const,
      reason: 'Verified',
      message: '',
      observedGeneration: 1,
      lastTransitionTime: '1970-01-01T00:00:00Z',
    },
  ];
  return {
    ...modelVersion,
    metadata: { ...modelVersion.metadata, generation: 1 },
    status: {
      observedGeneration: 1,
      digest: modelVersion.spec.digest ?? NOTHING,
      sizeBytes: 0,
      usedBy: { count: 1 },
      conditions,
    },
  };
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
