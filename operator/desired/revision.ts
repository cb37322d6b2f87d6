/** Which revision a pipeline asks for: its name is a hash of all the user wrote that reaches pods. */
import { parsedJson, SCHEMA_VERSION, type MountedModel } from '@penstock/contract';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import { ModelUsageNotRecorded, Stalled, Waiting } from '../api/flow.ts';
import type { Stored } from '../api/objects.ts';
import { recordFrom } from '../api/record.ts';
import type { ObservedPipeline, RenderConfig, Revision, RevisionRecord, ScriptFiles } from '../api/observed.ts';
import { REASON } from '../api/reasons.ts';
import type { Effective, InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import { timestamp } from '../api/units.ts';
import { fileName, type Fetch } from './fetching.ts';
import { filesDigest, hashOf } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';
import { podTemplate, scriptKey } from './podTemplate.ts';
import { isRendered } from './renderedTemplate.ts';

const RECORD_KEY = 'revision.json';
const TEMPLATE_KEY = 'podTemplate.json';
const SCRIPT_BYTES = 768 * 1024;

/** The revision that this generation asks for. Throws Waiting for a model or script that is not there, Stalled for one that cannot be. */
export function wantedRevision(seen: ObservedPipeline, effective: Effective, config: RenderConfig): Revision {
  const { pipeline, script } = seen;
  const models = (pipeline.spec.models ?? []).map(({ name, modelVersion }) => ({
    name,
    modelVersion: readyModel(modelVersion, seen.modelVersions[modelVersion]),
  }));
  if ((pipeline.spec.scoring?.script ?? pipeline.spec.scoring?.scriptFrom) && !script)
    throw new Waiting(REASON.resourceNotReady, seen.scriptProblem ?? 'the script is not there');
  if (!script && models[0]?.modelVersion.spec.format !== 'ONNX') {
    throw new Stalled(
      REASON.invalid,
      `model ${models[0]?.name ?? ''} has format Files, which nothing can serve without code: add spec.scoring.script, or use an ONNX model`,
    );
  }
  const scriptDigest = script && filesDigest(bounded(script));
  const revision = names.revision(
    pipeline.metadata.name,
    hashed(pipeline, models, script && { entry: script.entry, digest: scriptDigest }),
  );
  const frozen = frozenRevision(seen, revision, models);
  if (frozen) return frozen;

  const record: RevisionRecord = {
    schemaVersion: SCHEMA_VERSION,
    pipeline: pipeline.metadata.name,
    createdAt: timestamp(seen.now),
    target: pipeline.spec.target,
    models: models.map(({ name, modelVersion }) => mountedModel(name, modelVersion)),
    image: config.scorerImage,
    ...(script && { entry: script.entry, scriptDigest: scriptDigest! }),
  };
  return {
    name: revision,
    record,
    podTemplate: podTemplate({ pipeline, revision, record, effective, config, script, ...modelsToFetch(models) }),
  };
}

/** The revision of that name if it was made before. Throws for one whose bytes are gone, and for one that may not get pods yet. */
function frozenRevision(
  { revisions, deployments }: ObservedPipeline,
  revision: string,
  models: NamedModel[],
): Revision | undefined {
  const frozen = revisions.find(({ name }) => name === revision);
  const running = deployments.find(({ metadata }) => metadata.name === revision);
  if (!running) marked(models);
  if (frozen || (running?.spec?.replicas ?? 0) === 0) return frozen;
  throw new Stalled(
    REASON.lost,
    `ConfigMap ${revision} was deleted and its script with it; its pods serve on, but cannot be made again: set the annotation ${ANNOTATION.restartedAt} to a new value for a new revision`,
  );
}

/** From here on nobody may delete them: usedBy is written before there are pods (DESIGN §3). */
function marked(models: NamedModel[]): void {
  const unmarked = models.find(({ modelVersion }) => (modelVersion.status?.usedBy?.count ?? 0) === 0);
  if (unmarked)
    throw new ModelUsageNotRecorded(
      REASON.modelNotReady,
      `ModelVersion ${unmarked.modelVersion.metadata.name} is about to be marked as in use`,
    );
}

interface NamedModel {
  name: string;
  modelVersion: ModelVersion;
}

function modelsToFetch(models: NamedModel[]): { fetches: Fetch[]; modelBytes: number } {
  return {
    fetches: models.map(({ name, modelVersion }) => ({ name, modelVersion, digest: modelVersion.status!.digest! })),
    modelBytes: models.reduce((sum, { modelVersion }) => sum + (modelVersion.status?.sizeBytes ?? 0), 0),
  };
}

function bounded(script: ScriptFiles): ScriptFiles {
  const { files, binaries = {} } = script;
  const bytes = [...Object.values(files), ...Object.values(binaries)].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
  if (bytes > SCRIPT_BYTES)
    throw new Stalled(
      REASON.invalid,
      `the script's files are ${Math.ceil(bytes / 1024)} KiB together, at most 768 are possible: move data into a model of format Files`,
    );
  return script;
}

/** A model version that is verified at its newest generation. */
function readyModel(name: string, modelVersion: ModelVersion | undefined): ModelVersion {
  if (!modelVersion) throw new Waiting(REASON.modelNotReady, `ModelVersion ${name} does not exist in this namespace`);
  if (modelVersion.metadata.deletionTimestamp !== undefined)
    throw new Waiting(REASON.modelNotReady, `ModelVersion ${name} is being deleted`);
  const { digest, observedGeneration, conditions = [] } = modelVersion.status ?? {};
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True' && observedGeneration === modelVersion.metadata.generation && digest)
    return modelVersion;
  throw new Waiting(
    ready?.reason === REASON.digest ? REASON.digest : REASON.modelNotReady,
    `ModelVersion ${name}: ${ready?.message || 'not verified yet'}`,
  );
}

const mountedModel = (name: string, { metadata, spec, status }: ModelVersion): MountedModel => ({
  name,
  modelVersion: metadata.name,
  version: spec.version,
  format: spec.format,
  digest: status!.digest!,
  ...fileName(spec.source.uri),
  ...(spec.features && { features: spec.features }),
});

/** Throws Stalled for a spec that cannot be written down. */
function hashed(...given: Parameters<typeof revisionHash>): string {
  try {
    return revisionHash(...given);
  } catch (error) {
    throw new Stalled(REASON.invalid, (error as Error).message);
  }
}

/** Not presets, not scaling, not rollout: those change without new pods. A moved source is a new revision of the same bytes. */
function revisionHash(pipeline: InferencePipeline, models: NamedModel[], script: object | undefined): string {
  const { target, environment, resources, endpoint, placement, podMetadata, serviceAccountName } = pipeline.spec;
  return hashOf({
    target,
    environment,
    resources,
    endpoint,
    placement,
    podMetadata,
    serviceAccountName,
    script,
    models: models.map(({ name, modelVersion: { metadata, spec, status } }) => ({
      name,
      modelVersion: metadata.name,
      digest: status!.digest,
      source: spec.source,
      features: spec.features,
    })),
    restartedAt: pipeline.metadata.annotations?.[ANNOTATION.restartedAt],
    maxBatchSize: pipeline.spec.scoring?.maxBatchSize,
    test: pipeline.spec.scoring?.test,
  });
}

/** The immutable ConfigMap that holds a revision: its Deployment is only ever applied from here. */
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

/** What a revision's ConfigMap says. */
export function revisionData(
  { record, podTemplate }: Pick<Revision, 'record' | 'podTemplate'>,
  { files = {}, binaries = {} }: Partial<ScriptFiles>,
): Pick<Stored<ConfigMap>, 'data' | 'binaryData'> {
  const byKey = (values: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([file, value]) => [scriptKey(file), value]));
  return {
    data: { [RECORD_KEY]: JSON.stringify(record), [TEMPLATE_KEY]: JSON.stringify(podTemplate), ...byKey(files) },
    ...(Object.keys(binaries).length > 0 && { binaryData: byKey(binaries) }),
  };
}

/** Reads a revision back out of its ConfigMap; undefined for data that Penstock could not have written. */
export function parseRevision(configMap: Stored<ConfigMap>): Revision | undefined {
  const record = recordFrom(configMap.data?.[RECORD_KEY]);
  const podTemplate = parsedJson(configMap.data?.[TEMPLATE_KEY]);
  if (!record || !isRendered(podTemplate, record.image)) return undefined;
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
