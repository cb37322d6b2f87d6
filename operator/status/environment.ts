/** The environment of the active revision's script, as its record and its pods have it. Pure. */
import { CONTAINER } from '../api/containers.ts';
import { LABEL } from '../api/labels.ts';
import type { ObservedPipeline, Revision } from '../api/observed.ts';
import type { EnvironmentStatus } from '../api/types.gen.ts';

/** Undefined for a script without packages that is not in Python. */
export function environmentStatus(
  { name, record: { python, npm } }: Revision,
  pods: ObservedPipeline['pods'],
): EnvironmentStatus | undefined {
  if (!python) return npm && { lockDigest: npm.lockDigest };
  return defined({
    lockDigest: python.requirementsDigest,
    pythonVersion: python.version,
    pythonImage: python.image,
    pythonImageID: imageIdOf(name, pods),
  });
}

const defined = (values: Record<keyof EnvironmentStatus, string | undefined>): EnvironmentStatus =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** All pods of a revision have the same image, except one whose tag has moved: the newest pod counts. */
function imageIdOf(revision: string, pods: ObservedPipeline['pods']): string | undefined {
  const ids = pods
    .filter(({ metadata }) => metadata.labels?.[LABEL.revision] === revision)
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))
    .flatMap(({ status }) => status?.containerStatuses?.find(({ name }) => name === CONTAINER.python)?.imageID ?? []);
  return ids.find((id) => id !== '');
}
