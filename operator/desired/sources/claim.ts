/** pvc://CLAIM[/PATH]: the claim is mounted where the fetch container reads it. */
import { MOUNT, type ModelSource } from '@penstock/contract';
import type { MountNames, SourceMounts } from './mounts.ts';

/** Read-only, so that the kubelet changes no owner of a file in it. */
export const claimMounts = (
  { claim }: Extract<ModelSource, { scheme: 'pvc' }>,
  { folder, sourceVolume }: MountNames,
): SourceMounts => ({
  volumes: [{ name: sourceVolume, persistentVolumeClaim: { claimName: claim, readOnly: true } }],
  mounts: [{ name: sourceVolume, mountPath: `${MOUNT.sources}/${folder}`, readOnly: true }],
});
