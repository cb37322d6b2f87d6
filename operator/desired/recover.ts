/** Restores the ConfigMaps of revisions that have pods (DESIGN §3). */
import type { ConfigMap, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { Revision, Script } from '../api/observed.ts';
import { recordOf } from '../api/record.ts';
import { filesDigest } from './hash.ts';
import { parseRevision, revisionData } from './revision.ts';

export interface Remains {
  deployments: Stored<Deployment>[];
  /** Revisions whose ConfigMap exists. */
  revisions: Revision[];
  /** The script of the current spec. */
  script: Script | undefined;
  /** ConfigMaps that this process saw being deleted, by name. */
  remembered: (name: string) => Stored<ConfigMap> | undefined;
}

/**
 * The same bytes if this process saw the deletion. Otherwise the record and the live pod template, if the script is
 * available.
 */
export function recoverRevisions({ deployments, revisions, script, remembered }: Remains): Revision[] {
  const lost = deployments.filter(({ metadata, spec }) => {
    const name = metadata.labels?.[LABEL.revision];
    return (
      name === metadata.name &&
      metadata.deletionTimestamp === undefined &&
      (spec?.replicas ?? 0) > 0 &&
      !revisions.some((revision) => revision.name === name)
    );
  });
  return lost.flatMap(
    (deployment) => fromMemory(remembered(deployment.metadata.name)) ?? fromDeployment(deployment, script) ?? [],
  );
}

function fromMemory(configMap: Stored<ConfigMap> | undefined): Revision | undefined {
  const revision = configMap && parseRevision(configMap);
  if (!revision) return undefined;
  const { configMap: _, ...rest } = revision;
  return {
    ...rest,
    restored: {
      data: configMap.data!,
      ...(configMap.binaryData && { binaryData: configMap.binaryData }),
      annotations: {
        ...pick(configMap.metadata.annotations, ANNOTATION.abandoned),
        ...pick(configMap.metadata.annotations, ANNOTATION.failureDetail),
      },
    },
  };
}

/** The live template with the server's defaults. Applying it again changes nothing, so no pod restarts. */
function fromDeployment({ metadata, spec }: Stored<Deployment>, script: Script | undefined): Revision | undefined {
  const record = recordOf(metadata);
  if (!record || !spec) return undefined;
  const files = record.scriptDigest === undefined ? {} : script;
  if (!files || (record.scriptDigest !== undefined && filesDigest({ files: {}, ...files }) !== record.scriptDigest))
    return undefined;
  const podTemplate: PodTemplateSpec = spec.template;
  return {
    name: metadata.name,
    record,
    podTemplate,
    restored: { ...revisionData({ record, podTemplate }, files), annotations: {} },
  };
}

const pick = (annotations: Record<string, string> | undefined, name: string): Record<string, string> =>
  annotations?.[name] === undefined ? {} : { [name]: annotations[name] };
