/** A revision: its name, a hash of all that reaches pods, and what is frozen in its ConfigMap. */
import { parsedJson, SCHEMA_VERSION, type MountedModel } from '@penstock/contract';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import { recordFrom } from '../api/record.ts';
import type { Revision, RevisionRecord, Script, ScriptFiles } from '../api/observed.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import type { Effective, Endpoint, InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import { timestamp } from '../api/units.ts';
import { optionalFile } from './fetching.ts';
import { filesDigest, hashOf, textDigest } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';
import { PACKAGE_LOCK_KEY } from './npm.ts';
import { podTemplate, scriptKey } from './podTemplate.ts';
import { pythonImage, pythonVersion, REQUIREMENTS_KEY } from './python.ts';
import { isRendered } from './renderedTemplate.ts';
import { isPython } from './script.ts';

const RECORD_KEY = 'revision.json';
const TEMPLATE_KEY = 'podTemplate.json';

/** A model of a revision, with what its verification found. */
export interface RevisionModel {
  name: string;
  modelVersion: ModelVersion;
  /** `sha256:<hex>` of its files; absent where nothing has verified it (`penstock serve`). */
  digest?: string | undefined;
  sizeBytes: number;
}

/** What names a revision. */
export interface RevisionInput {
  pipeline: InferencePipeline;
  models: RevisionModel[];
  script: Script | undefined;
}

/** The name of the revision that replaces `revision` with another scorer image. */
export const refreshedName = (pipeline: InferencePipeline, revision: string, image: string): string =>
  names.revision(pipeline.metadata.name, hashOf([revision, image]));

/** Throws for a spec that is nested too deeply to be hashed. */
export function revisionName({ pipeline, models, script }: RevisionInput): string {
  const digest = script && { entry: script.entry, digest: filesDigest(script) };
  return names.revision(pipeline.metadata.name, revisionHash(pipeline, models, digest));
}

/** The revision called `name`, as its ConfigMap will hold it. `now`: milliseconds since the epoch. */
export function renderRevision(
  name: string,
  input: RevisionInput & { effective: Effective; config: RenderConfig; now: number; refreshOf?: string | undefined },
): Revision {
  const { pipeline, models, script, effective, config, now, refreshOf } = input;
  const record: RevisionRecord = {
    schemaVersion: SCHEMA_VERSION,
    pipeline: pipeline.metadata.name,
    createdAt: timestamp(now),
    target: pipeline.spec.target,
    models: models.map(mountedModel),
    image: config.scorerImage,
    ...(script && { entry: script.entry, scriptDigest: filesDigest(script) }),
    ...(script && isPython(script.entry) && { python: recordedPython(pipeline, script, config) }),
    ...(pipeline.spec.environment?.server && { server: { image: pipeline.spec.environment.image ?? '' } }),
    ...(script?.packageLock !== undefined && { npm: { lockDigest: textDigest(script.packageLock) } }),
    ...(refreshOf !== undefined && { refreshOf }),
  };
  const modelBytes = models.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const template = { pipeline, revision: name, record, effective, config, script, fetches: models, modelBytes };
  return { name, record, podTemplate: podTemplate(template) };
}

const recordedPython = (
  pipeline: InferencePipeline,
  { requirements }: Script,
  { python }: RenderConfig,
): NonNullable<RevisionRecord['python']> => ({
  image: pythonImage(pipeline.spec, python) ?? '',
  ...(pipeline.spec.environment?.image === undefined && { version: pythonVersion(pipeline.spec, python) }),
  ...(requirements !== undefined && { requirementsDigest: textDigest(requirements) }),
});

const mountedModel = ({ name, modelVersion: { metadata, spec }, digest }: RevisionModel): MountedModel => ({
  name,
  modelVersion: metadata.name,
  version: spec.version,
  format: spec.format,
  ...(digest !== undefined && { digest }),
  ...optionalFile(spec.source.uri),
  ...(spec.features && { features: spec.features }),
});

/** Without the activator's setting. A spec that has no other has the same revision as one without `endpoint`. */
function ofPods(endpoint: Endpoint | undefined): Endpoint | undefined {
  if (endpoint?.coldStartTimeout === undefined) return endpoint;
  const { coldStartTimeout: _, ...rest } = endpoint;
  return Object.keys(rest).length > 0 ? rest : undefined;
}

/**
 * Presets, scaling and rollout are left out, because they change without new pods. The source of a model counts,
 * because pods fetch from it: the same bytes at another source are another revision.
 */
function revisionHash(pipeline: InferencePipeline, models: RevisionModel[], script: object | undefined): string {
  const { target, environment, resources, placement, podMetadata, serviceAccountName } = pipeline.spec;
  const endpoint = ofPods(pipeline.spec.endpoint);
  return hashOf({
    target,
    environment,
    resources,
    endpoint,
    placement,
    podMetadata,
    serviceAccountName,
    script,
    models: models.map(({ name, modelVersion: { metadata, spec }, digest }) => ({
      name,
      modelVersion: metadata.name,
      digest,
      source: spec.source,
      features: spec.features,
    })),
    restartedAt: pipeline.metadata.annotations?.[ANNOTATION.restartedAt],
    maxBatchSize: pipeline.spec.scoring?.maxBatchSize,
    test: pipeline.spec.scoring?.test,
  });
}

/** The immutable ConfigMap of a revision. Its Deployment is only ever applied from what stands here. */
export function revisionConfigMap(
  pipeline: InferencePipeline,
  revision: Revision,
  script: Partial<ScriptFiles>,
): Stored<ConfigMap> {
  const metadata = childMeta(pipeline, revision.name, {
    [LABEL.pipeline]: pipeline.metadata.name,
    [LABEL.revision]: revision.name,
    [LABEL.role]: 'revision',
  });
  const { data, binaryData, annotations } = revision.restored ?? { ...revisionData(revision, script), annotations: {} };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    immutable: true,
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) },
    ...(data && { data }),
    ...(binaryData && { binaryData }),
  };
}

/** The data of a revision's ConfigMap. */
export function revisionData(
  { record, podTemplate }: Pick<Revision, 'record' | 'podTemplate'>,
  { files = {}, binaries = {}, requirements, packageLock }: Partial<ScriptFiles>,
): Pick<Stored<ConfigMap>, 'data' | 'binaryData'> {
  const byKey = (values: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([file, value]) => [scriptKey(file), value]));
  return {
    data: {
      [RECORD_KEY]: JSON.stringify(record),
      [TEMPLATE_KEY]: JSON.stringify(podTemplate),
      ...(requirements !== undefined && { [REQUIREMENTS_KEY]: requirements }),
      ...(packageLock !== undefined && { [PACKAGE_LOCK_KEY]: packageLock }),
      ...byKey(files),
    },
    ...(Object.keys(binaries).length > 0 && { binaryData: byKey(binaries) }),
  };
}

/** Reads a revision from its ConfigMap. Undefined for data that Penstock could not have written. */
export function parseRevision(configMap: Stored<ConfigMap>): Revision | undefined {
  const record = recordFrom(configMap.data?.[RECORD_KEY]);
  const podTemplate = parsedJson(configMap.data?.[TEMPLATE_KEY]);
  if (!record || !isRendered(podTemplate, record)) return undefined;
  const { [ANNOTATION.abandoned]: abandoned, [ANNOTATION.failureDetail]: detail } =
    configMap.metadata.annotations ?? {};
  return {
    name: configMap.metadata.name,
    configMap,
    record,
    podTemplate,
    ...(abandoned === undefined ? {} : { abandoned }),
    ...(detail === undefined ? {} : { failureDetail: detail }),
  };
}
