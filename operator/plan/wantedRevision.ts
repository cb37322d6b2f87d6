/** The revision that a spec asks for, or the first check that says why there is none. */
import { ModelUsageNotRecorded, Stalled, Waiting } from '../api/flow.ts';
import { ANNOTATION } from '../api/labels.ts';
import { newestFirst, type ObservedPipeline, type Revision } from '../api/observed.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import { REASON } from '../api/reasons.ts';
import type { Effective, InferencePipeline, ModelVersion } from '../api/types.gen.ts';
import { refreshedName, renderRevision, revisionName, type RevisionModel } from '../desired/revision.ts';
import { pythonMissing, registryMissing, requirementsProblem } from './environment.ts';
import { currentRevision } from './phase.ts';

const MAX_SCRIPT_BYTES = 768 * 1024;

/** Reasons of a ModelVersion that its pipelines have, too. */
const SHOWN_REASONS: readonly string[] = [REASON.digest, REASON.verifying, REASON.queued];

type Blocked = Stalled | Waiting;
/** What the manifests alone say; `penstock serve` has no more. */
type Manifests = Pick<ObservedPipeline, 'pipeline' | 'modelVersions' | 'script'>;
type Check<Seen = ObservedPipeline> = (seen: Seen) => Blocked | undefined;
type ModelCheck = (name: string, modelVersion: ModelVersion | undefined) => Blocked | undefined;

/** In this order; the first finding is the reason that a user reads. */
const CHECKS: readonly Check[] = [modelNotReady, scriptMissing, specProblem];
const SPEC_CHECKS: readonly Check<Manifests>[] = [
  formatNeedsScript,
  scriptTooLarge,
  ({ pipeline, script }) => requirementsProblem(pipeline, script),
];
const MODEL_CHECKS: readonly ModelCheck[] = [modelMissing, modelBeingDeleted, modelNotVerified];
/** These need the name of the wanted revision. */
const REVISION_CHECKS: readonly ((seen: ObservedPipeline, revision: string) => Blocked | undefined)[] = [
  modelUsageNotRecorded,
  revisionLost,
];

/**
 * The wanted revision, as stored or newly rendered. Waiting if an object is missing, Stalled if the spec cannot be
 * served.
 */
export function wantedRevision(
  seen: ObservedPipeline,
  effective: Effective,
  config: RenderConfig,
): { wanted: Revision } | { blocked: Blocked } {
  const { pipeline, script, now } = seen;
  const blocked =
    firstFinding(CHECKS, (check) => check(seen)) ??
    pythonMissing(pipeline, script, config.python) ??
    registryMissing(script, config.npm);
  if (blocked) return { blocked };
  const input = { pipeline, models: revisionModels(seen), script };
  let base: string;
  try {
    base = revisionName(input);
  } catch (error) {
    return { blocked: new Stalled(REASON.invalid, (error as Error).message) };
  }
  const name = withScorerImage(seen, base, config);
  const unusable = firstFinding(REVISION_CHECKS, (check) => check(seen, name));
  if (unusable) return { blocked: unusable };
  const stored = seen.revisions.find((revision) => revision.name === name);
  const refreshOf = name === base ? undefined : base;
  const rendering = { ...input, effective, config: seen.packageCache ? config : withoutCache(config), now, refreshOf };
  return { wanted: stored ?? renderRevision(name, rendering) };
}

const withoutCache = (config: RenderConfig): RenderConfig => ({
  ...config,
  python: { ...config.python, cacheClaim: undefined },
});

/**
 * A spec has its first revision, `base`, and one for each later scorer image that it got by a rollout. Wanted is the
 * one that serves, else the newest that has not failed; or one with the image of the operator, where the user or the
 * chart asks for it.
 */
function withScorerImage(seen: ObservedPipeline, base: string, config: RenderConfig): string {
  const { pipeline, revisions, mayRefresh } = seen;
  const ofSpec = revisions.filter(({ name, record }) => name === base || record.refreshOf === base).sort(newestFirst);
  const current = currentRevision(seen);
  const existing =
    ofSpec.find(({ name }) => name === current) ?? ofSpec.find(({ abandoned }) => abandoned === undefined) ?? ofSpec[0];
  if (!existing || !isBehind(pipeline, existing, config)) return existing?.name ?? base;
  const refreshed = refreshedName(pipeline, base, config.scorerImage);
  return mayRefresh || ofSpec.some(({ name }) => name === refreshed) ? refreshed : existing.name;
}

/**
 * Whether a revision has another scorer image than the operator, and the user or the chart asks for that of the
 * operator.
 */
export function isBehind(
  { metadata }: InferencePipeline,
  { record }: Revision,
  { scorerImage, refreshAll }: RenderConfig,
): boolean {
  const isAsked = refreshAll || metadata.annotations?.[ANNOTATION.refreshScorer] === 'true';
  return isAsked && record.image !== scorerImage;
}

function firstFinding<C>(checks: readonly C[], run: (check: C) => Blocked | undefined): Blocked | undefined {
  for (const check of checks) {
    const finding = run(check);
    if (finding) return finding;
  }
  return undefined;
}

function revisionModels({ pipeline, modelVersions }: ObservedPipeline): RevisionModel[] {
  return (pipeline.spec.models ?? []).map(({ name, modelVersion }) => {
    const found = modelVersions[modelVersion]!;
    const { digest, sizeBytes = 0 } = found.status ?? {};
    return { name, modelVersion: found, digest: digest!, sizeBytes };
  });
}

function modelNotReady({ pipeline, modelVersions }: ObservedPipeline): Blocked | undefined {
  return firstFinding(pipeline.spec.models ?? [], ({ modelVersion: name }) =>
    firstFinding(MODEL_CHECKS, (check) => check(name, modelVersions[name])),
  );
}

function modelMissing(name: string, modelVersion: ModelVersion | undefined): Blocked | undefined {
  if (modelVersion) return undefined;
  return new Waiting(REASON.modelNotReady, `ModelVersion ${name} does not exist in this namespace`);
}

function modelBeingDeleted(name: string, modelVersion: ModelVersion | undefined): Blocked | undefined {
  if (modelVersion?.metadata.deletionTimestamp === undefined) return undefined;
  return new Waiting(REASON.modelNotReady, `ModelVersion ${name} is being deleted`);
}

/** A ModelVersion counts when it is verified at its newest generation. */
function modelNotVerified(name: string, modelVersion: ModelVersion | undefined): Blocked | undefined {
  const ready = modelVersion?.status?.conditions?.find(({ type }) => type === 'Ready');
  if (!ready || !modelVersion) return new Waiting(REASON.verifying, `ModelVersion ${name}: not verified yet`);
  if (ready.status === 'True' && hasCurrentDigest(modelVersion)) return undefined;
  const reason = SHOWN_REASONS.includes(ready.reason) ? ready.reason : REASON.modelNotReady;
  return new Waiting(reason, `ModelVersion ${name}: ${ready.message || 'not verified yet'}`);
}

const hasCurrentDigest = ({ status, metadata }: ModelVersion): boolean =>
  status?.observedGeneration === metadata.generation && Boolean(status?.digest);

function scriptMissing({ pipeline, script, scriptProblem }: ObservedPipeline): Blocked | undefined {
  const { script: inline, scriptFrom } = pipeline.spec.scoring ?? {};
  if (script || !(inline ?? scriptFrom)) return undefined;
  return new Waiting(REASON.resourceNotReady, scriptProblem ?? 'the script is not there');
}

/** Why the manifests can never be served as they are. */
export function specProblem(seen: Manifests): Blocked | undefined {
  return firstFinding(SPEC_CHECKS, (check) => check(seen));
}

function formatNeedsScript({ pipeline, script, modelVersions }: Manifests): Blocked | undefined {
  const [first] = pipeline.spec.models ?? [];
  if (
    script ||
    pipeline.spec.environment?.server ||
    (first && modelVersions[first.modelVersion]?.spec.format === 'ONNX')
  )
    return undefined;
  return new Stalled(
    REASON.invalid,
    `model ${first?.name ?? ''} has format Files, which nothing can serve without code: add spec.scoring.script, or use an ONNX model`,
  );
}

function scriptTooLarge({ script }: Manifests): Blocked | undefined {
  const { files = {}, binaries = {}, requirements = '', packageLock = '' } = script ?? {};
  const texts = [...Object.values(files), ...Object.values(binaries), requirements, packageLock];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= MAX_SCRIPT_BYTES) return undefined;
  return new Stalled(
    REASON.invalid,
    `the script's files are ${Math.ceil(bytes / 1024)} KiB together, at most 768 are possible, with the lock of its packages: move data into a model of format Files`,
  );
}

/** status.usedBy is written before the first pods load a ModelVersion, so that it is never too small (DESIGN §3). */
function modelUsageNotRecorded(
  { pipeline, modelVersions, deployments }: ObservedPipeline,
  revision: string,
): Blocked | undefined {
  if (deployments.some(({ metadata }) => metadata.name === revision)) return undefined;
  const unrecorded = (pipeline.spec.models ?? []).find(
    ({ modelVersion }) => (modelVersions[modelVersion]?.status?.usedBy?.count ?? 0) === 0,
  );
  if (!unrecorded) return undefined;
  return new ModelUsageNotRecorded(
    REASON.modelNotReady,
    `ModelVersion ${unrecorded.modelVersion} is about to be marked as in use`,
  );
}

/** The ConfigMap of a revision with pods is gone and cannot be restored. */
function revisionLost({ revisions, deployments }: ObservedPipeline, revision: string): Blocked | undefined {
  const running = deployments.find(({ metadata }) => metadata.name === revision);
  if (revisions.some(({ name }) => name === revision) || (running?.spec?.replicas ?? 0) === 0) return undefined;
  return new Stalled(
    REASON.lost,
    `ConfigMap ${revision} was deleted and its script with it; its pods serve on, but cannot be made again: set the annotation ${ANNOTATION.restartedAt} to a new value for a new revision`,
  );
}
