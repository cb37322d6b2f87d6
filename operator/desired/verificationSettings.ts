/** Where and how the verification Job of a ModelVersion runs: as its spec says, else as the chart says. Pure. */
import type { RenderConfig } from '../api/renderConfig.ts';
import type { ModelVersion, VerificationSettings } from '../api/types.gen.ts';
import { mergedResources } from './effective.ts';

/**
 * Small enough for a LimitRange of 500m CPU and 256Mi memory whose limits are at most four times the requests. ONNX
 * Runtime loads models of 32 MiB in it; of a larger one only the graph is read.
 */
const RESOURCES = { requests: { cpu: '125m', memory: '64Mi' }, limits: { cpu: '500m', memory: '256Mi' } };

/** The labels and annotations are those of both; of every other field, the spec's value comes before the chart's. */
export function verificationSettings(
  { spec: { verification = {} } }: ModelVersion,
  { verification: chart }: RenderConfig,
): VerificationSettings & { resources: ReturnType<typeof mergedResources> } {
  const defaults = mergedResources(RESOURCES, chart.resources);
  return {
    ...chart,
    ...verification,
    resources: mergedResources(defaults, verification.resources),
    podMetadata: {
      labels: { ...chart.podMetadata?.labels, ...verification.podMetadata?.labels },
      annotations: { ...chart.podMetadata?.annotations, ...verification.podMetadata?.annotations },
    },
  };
}
