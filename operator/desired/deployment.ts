/** The Deployment of a revision, built only from the revision's immutable ConfigMap. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { Revision } from '../api/observed.ts';
import type { LiveRevision } from '../api/plan.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { durationSeconds } from '../api/units.ts';
import { childMeta, podSelector } from './meta.ts';

/**
 * It carries the revision's record, from which a deleted ConfigMap is restored. It never sets spec.replicas: the number
 * of pods changes only through the scale subresource and the autoscaler.
 */
export function deployment(
  pipeline: InferencePipeline,
  revision: Revision,
  effective: Effective,
  stepwise?: LiveRevision['stepwise'],
): Stored<Deployment> {
  const selector = podSelector(pipeline.metadata.name, revision.name);
  const metadata = childMeta(pipeline, revision.name, {
    [LABEL.name]: 'penstock-scorer',
    [LABEL.instance]: pipeline.metadata.name,
    ...selector,
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...metadata,
      annotations: {
        [ANNOTATION.record]: JSON.stringify(revision.record),
        ...(stepwise && { [ANNOTATION.stepwise]: JSON.stringify(stepwise) }),
      },
    },
    spec: {
      selector: { matchLabels: selector },
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: durationSeconds(effective.progressDeadline),
      template: revision.podTemplate,
    },
  };
}
