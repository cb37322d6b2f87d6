/** pvc://CLAIM[/PATH]: the claim is mounted where the fetch container reads it. */
import { MOUNT, type ModelSource } from '@penstock/contract';
import type { MountNames, SourceMounts } from './mounts.ts';

/**
 * Read-only, so that the kubelet changes no owner of a file in it. Models of the same claim share the volume: the
 * kubelet does not start a pod with two volumes of one claim.
 */
export const claimMounts = (
  { claim }: Extract<ModelSource, { scheme: 'pvc' }>,
  { folder, claimVolume }: MountNames,
): SourceMounts => ({
  volumes: [{ name: claimVolume(claim), persistentVolumeClaim: { claimName: claim, readOnly: true } }],
  mounts: [{ name: claimVolume(claim), mountPath: `${MOUNT.sources}/${folder}`, readOnly: true }],
});
