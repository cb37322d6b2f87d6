import type { Volume, VolumeMount } from 'kubernetes-types/core/v1.js';

/** What a pod needs to fetch a model: volumes of the pod and mounts of the fetch container. */
export interface SourceMounts {
  volumes: Volume[];
  mounts: VolumeMount[];
}

/** Names for one model. */
export interface MountNames {
  /** The model's folder. */
  folder: string;
  /** The volume with its bytes. */
  sourceVolume: string;
  /** The volume of a claim, which several models may share. */
  claimVolume: (claim: string) => string;
  /** The volume with the credentials of its download. */
  secretVolume: string;
}
