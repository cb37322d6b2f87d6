import type { Volume, VolumeMount } from 'kubernetes-types/core/v1.js';

/** What a pod needs to fetch a model: volumes of the pod and mounts of the fetch container. */
export interface SourceMounts {
  volumes: Volume[];
  mounts: VolumeMount[];
}
