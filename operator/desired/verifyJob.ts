/** The Job that fetches a model, checks its digest and reads the inputs and outputs of an ONNX model. */
import { SCORER_COMMAND } from '@penstock/contract';
import type { Job } from 'kubernetes-types/batch/v1.js';
import type { Container } from 'kubernetes-types/core/v1.js';
import { LABEL, MANAGED_BY } from '../api/labels.ts';
import type { Stored } from '@penstock/kube/api/objects';
import type { RenderConfig } from '../api/observed.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import { diskResources, fetchContainer, fetchVolumes, modelsVolume, POD_SECURITY, TMP_VOLUME } from './fetching.ts';
import { hashOf } from './hash.ts';
import { childMeta } from './meta.ts';
import { names } from './names.ts';

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

export function verifyJob(modelVersion: ModelVersion, attempt: number, config: RenderConfig): Stored<Job> {
  const digest = modelVersion.spec.digest ?? modelVersion.status?.digest;
  const fetch = { name: 'model', modelVersion, ...(digest === undefined ? {} : { digest }) };
  const labels = { [LABEL.modelVersion]: modelVersion.metadata.name, [LABEL.attempt]: String(attempt) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: childMeta(
      modelVersion,
      names.verifyJob(modelVersion.metadata.name, verificationKey(modelVersion), attempt),
      labels,
    ),
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: DEADLINE_SECONDS,
      ttlSecondsAfterFinished: TTL_SECONDS,
      template: {
        metadata: { labels: { ...labels, [LABEL.managedBy]: MANAGED_BY, [LABEL.name]: 'penstock-verify' } },
        spec: {
          ...POD_SECURITY,
          restartPolicy: 'Never',
          ...(config.imagePullSecrets.length > 0
            ? { imagePullSecrets: config.imagePullSecrets.map((name) => ({ name })) }
            : {}),
          containers: [withDisk(fetchContainer(SCORER_COMMAND.verify, [fetch], config))],
          volumes: [modelsVolume(FIRST_FETCH_MEBIBYTES), TMP_VOLUME, ...fetchVolumes([fetch]).volumes],
        },
      },
    },
  };
}

function withDisk(container: Container): Container {
  const disk = diskResources(FIRST_FETCH_MEBIBYTES);
  const { requests, limits } = container.resources ?? {};
  return {
    ...container,
    resources: { requests: { ...requests, ...disk.requests }, limits: { ...limits, ...disk.limits } },
  };
}
