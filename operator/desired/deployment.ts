/** The Deployment of a revision, applied from its frozen ConfigMap alone. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { ANNOTATION, LABEL } from '../api/labels.ts';
import type { Stored } from '../api/objects.ts';
import type { Revision } from '../api/observed.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { durationSeconds } from '../api/units.ts';
import { childMeta, podSelector } from './meta.ts';

/** Carries the revision's record, so that a lost ConfigMap can be written again. Never carries spec.replicas: every count goes through the scale subresource or an autoscaler. */
export function deployment(pipeline: InferencePipeline, revision: Revision, effective: Effective): Stored<Deployment> {
  const selector = podSelector(pipeline.metadata.name, revision.name);
  const metadata = childMeta(pipeline, revision.name, {
    [LABEL.name]: 'penstock-scorer',
    [LABEL.instance]: pipeline.metadata.name,
    ...selector,
  });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadata, annotations: { [ANNOTATION.record]: JSON.stringify(revision.record) } },
    spec: {
      selector: { matchLabels: selector },
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: durationSeconds(effective.progressDeadline),
      template: revision.podTemplate,
    },
  };
}
