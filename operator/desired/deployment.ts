/** The Deployment of a revision, applied from its frozen ConfigMap alone. */
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '../api/objects.ts';
import type { Revision } from '../api/observed.ts';
import type { Effective, InferencePipeline } from '../api/types.gen.ts';
import { durationSeconds } from '../api/units.ts';
import { childMeta, podSelector } from './meta.ts';

/** Never carries spec.replicas: every count goes through the scale subresource or an autoscaler. */
export function deployment(pipeline: InferencePipeline, revision: Revision, effective: Effective): Stored<Deployment> {
  const selector = podSelector(pipeline.metadata.name, revision.name);
  return {
    apiVersion: 'apps/v1', kind: 'Deployment',
    metadata: childMeta(pipeline, revision.name, { [LABEL.name]: 'penstock-scorer', [LABEL.instance]: pipeline.metadata.name, ...selector }),
    spec: {
      selector: { matchLabels: selector },
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: durationSeconds(effective.progressDeadline),
      template: revision.podTemplate,
    },
  };
}
