/** The Job that fetches a model, checks its digest and reads the inputs and outputs of an ONNX model. */
import { ENV } from '@penstock/contract';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Container, EnvVar } from 'kubernetes-types/core/v1.js';
import { CONTAINER } from '../api/containers.ts';
import { LABEL, MANAGED_BY } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { RenderConfig } from '../api/renderConfig.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import {
  commonPodSpec,
  diskResources,
  fetchContainer,
  fetchVolumes,
  modelsVolume,
  TMP_VOLUME,
  type ContainerResources,
  type Fetch,
} from './fetching.ts';
import { hashOf } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';
import { verificationSettings } from './verificationSettings.ts';

const DEADLINE_SECONDS = 600;
/**
 * Longer than the longest back-off and the attempt after it, so that the last failed Job exists until the next one has
 * ended.
 */
const TTL_SECONDS = 1_200;
/** Disk space for a model whose size is not known yet. */
const FIRST_FETCH_MEBIBYTES = 16 * 1024;

/**
 * What a verification depends on; its result is valid only for this. The digest is not part of it: a digest that is
 * added later is compared with the result and needs no download.
 */
export const verificationKey = ({ spec, metadata }: ModelVersion): string =>
  hashOf({ source: spec.source, uid: metadata.uid }).slice(0, 16);

/**
 * What the name of a Job has of the verification and its settings: with other settings, a Job that has not succeeded is
 * replaced at once.
 */
export const jobHash = (modelVersion: ModelVersion, config: RenderConfig): string =>
  hashOf([verificationKey(modelVersion), verificationSettings(modelVersion, config)]).slice(0, 8);

export function verifyJob(modelVersion: ModelVersion, attempt: number, config: RenderConfig): Stored<Job> {
  const digest = modelVersion.spec.digest ?? modelVersion.status?.digest;
  const fetch = { name: 'model', modelVersion, ...(digest === undefined ? {} : { digest }) };
  const settings = verificationSettings(modelVersion, config);
  const { podMetadata, serviceAccountName, nodeSelector, tolerations } = settings;
  const labels = { [LABEL.modelVersion]: modelVersion.metadata.name, [LABEL.attempt]: String(attempt) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: childMeta(
      modelVersion,
      names.verifyJob(modelVersion.metadata.name, jobHash(modelVersion, config), attempt),
      labels,
    ),
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: DEADLINE_SECONDS,
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: {
        metadata: {
          labels: { ...podMetadata?.labels, ...labels, [LABEL.managedBy]: MANAGED_BY, [LABEL.name]: 'penstock-verify' },
          annotations: podMetadata?.annotations ?? {},
        },
        spec: {
          ...commonPodSpec(config, serviceAccountName),
          restartPolicy: 'Never',
          ...(nodeSelector && { nodeSelector }),
          ...(tolerations && { tolerations }),
          containers: [verifyContainer([fetch], settings.resources, config)],
          volumes: [modelsVolume(FIRST_FETCH_MEBIBYTES), TMP_VOLUME, ...fetchVolumes([fetch]).volumes],
        },
      },
    },
  };
}

function verifyContainer(fetches: Fetch[], { requests, limits }: ContainerResources, config: RenderConfig): Container {
  const disk =
    (limits['ephemeral-storage'] ?? requests['ephemeral-storage']) === undefined
      ? diskResources(FIRST_FETCH_MEBIBYTES)
      : undefined;
  const resources = { requests: { ...disk?.requests, ...requests }, limits: { ...disk?.limits, ...limits } };
  const container = fetchContainer(CONTAINER.verify, fetches, { ...config, resources });
  const memory: EnvVar = {
    name: ENV.memoryBytes,
    valueFrom: { resourceFieldRef: { containerName: CONTAINER.verify, resource: 'limits.memory' } },
  };
  return { ...container, env: [...container.env, memory] };
}
