/** The environment of the active revision's script, as its record and its pods have it. Pure. */
import { mainContainer } from '../api/containers.ts';
import { LABEL } from '../api/labels.ts';
import type { ObservedPipeline, Revision } from '../api/observed.ts';
import type { EnvironmentStatus } from '../api/types.gen.ts';

/** Undefined where the scorer runs the code, and it has no packages. */
export function environmentStatus(
  { name, record }: Revision,
  pods: ObservedPipeline['pods'],
): EnvironmentStatus | undefined {
  const { python, server, npm } = record;
  const image = python?.image ?? server?.image;
  if (image === undefined) return npm && { lockDigest: npm.lockDigest };
  return defined({
    lockDigest: python?.requirementsDigest,
    pythonVersion: python?.version,
    image,
    imageID: imageIdOf(name, mainContainer(record), pods),
  });
}

const defined = (values: Record<keyof EnvironmentStatus, string | undefined>): EnvironmentStatus =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** All pods of a revision have the same image, except one whose tag has moved: the newest pod counts. */
function imageIdOf(revision: string, container: string, pods: ObservedPipeline['pods']): string | undefined {
  const ids = pods
    .filter(({ metadata }) => metadata.labels?.[LABEL.revision] === revision)
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1))
    .flatMap(({ status }) => status?.containerStatuses?.find(({ name }) => name === container)?.imageID ?? []);
  return ids.find((id) => id !== '');
}
