/** The stable Service, which selects the active revision, and a Service for each other revision with pods (ADR 8). */
import { PORT } from '@penstock/contract';
import type { Service } from 'kubernetes-types/core/v1.js';
import { LABEL } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { InferencePipeline } from '../api/types.gen.ts';
import { childMeta, podSelector } from './meta.ts';

/** A Service with this name on port 80 that selects the pods of `revision`. */
export function service(pipeline: InferencePipeline, name: string, revision: string): Stored<Service> {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMeta(pipeline, name, {
      [LABEL.pipeline]: pipeline.metadata.name,
      ...(name === revision ? { [LABEL.revision]: revision } : {}),
    }),
    spec: {
      type: 'ClusterIP',
      selector: podSelector(pipeline.metadata.name, revision),
      ports: [{ name: 'http', port: 80, targetPort: PORT.user, protocol: 'TCP', appProtocol: 'http' }],
    },
  };
}
