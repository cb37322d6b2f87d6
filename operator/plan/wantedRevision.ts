/** The revision that a spec asks for, or the first check that says why there is none. */
import { ModelUsageNotRecorded, Stalled, Waiting } from '../api/flow.ts';
import { ANNOTATION } from '../api/labels.ts';
import type { ObservedPipeline, RenderConfig, Revision } from '../api/observed.ts';
import { REASON } from '../api/reasons.ts';
import type { Effective, ModelVersion } from '../api/types.gen.ts';
import { renderRevision, revisionName, type RevisionModel } from '../desired/revision.ts';

const MAX_SCRIPT_BYTES = 768 * 1024;

type Blocked = Stalled | Waiting;
/** What the manifests alone say; `penstock serve` has no more. */
type Manifests = Pick<ObservedPipeline, 'pipeline' | 'modelVersions' | 'script'>;
type Check<Seen = ObservedPipeline> = (seen: Seen) => Blocked | undefined;
type ModelCheck = (name: string, modelVersion: ModelVersion | undefined) => Blocked | undefined;

/** In this order; the first finding is the reason that a user reads. */
const CHECKS: readonly Check[] = [modelNotReady, scriptMissing, specProblem];
const SPEC_CHECKS: readonly Check<Manifests>[] = [formatNeedsScript, scriptTooLarge];
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
  const blocked = firstFinding(CHECKS, (check) => check(seen));
  if (blocked) return { blocked };
  const { pipeline, script, now } = seen;
  const input = { pipeline, models: revisionModels(seen), script };
  let name: string;
  try {
    name = revisionName(input);
  } catch (error) {
    return { blocked: new Stalled(REASON.invalid, (error as Error).message) };
  }
  const unusable = firstFinding(REVISION_CHECKS, (check) => check(seen, name));
  if (unusable) return { blocked: unusable };
  const stored = seen.revisions.find((revision) => revision.name === name);
  return { wanted: stored ?? renderRevision(name, { ...input, effective, config, now }) };
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
  if (!ready || !modelVersion) return new Waiting(REASON.modelNotReady, `ModelVersion ${name}: not verified yet`);
  if (ready.status === 'True' && hasCurrentDigest(modelVersion)) return undefined;
  const reason = ready.reason === REASON.digest ? REASON.digest : REASON.modelNotReady;
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
  if (script || (first && modelVersions[first.modelVersion]?.spec.format === 'ONNX')) return undefined;
  return new Stalled(
    REASON.invalid,
    `model ${first?.name ?? ''} has format Files, which nothing can serve without code: add spec.scoring.script, or use an ONNX model`,
  );
}

function scriptTooLarge({ script }: Manifests): Blocked | undefined {
  const texts = [...Object.values(script?.files ?? {}), ...Object.values(script?.binaries ?? {})];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= MAX_SCRIPT_BYTES) return undefined;
  return new Stalled(
    REASON.invalid,
    `the script's files are ${Math.ceil(bytes / 1024)} KiB together, at most 768 are possible: move data into a model of format Files`,
  );
}

/** A ModelVersion in use cannot be deleted, so status.usedBy is written before the first pods load it (DESIGN §3). */
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
