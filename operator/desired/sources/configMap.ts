/** configmap://NAME[/KEY]: the ConfigMap is mounted where the fetch container reads it. */
import { MOUNT, type ModelSource } from '@penstock/contract';
import type { MountNames, SourceMounts } from './mounts.ts';

/** The volume is optional, so that the fetch itself reports a missing ConfigMap or key. */
export function configMapMounts(
  { name, key }: Extract<ModelSource, { scheme: 'configmap' }>,
  { folder, sourceVolume }: MountNames,
): SourceMounts {
  const items = key === undefined ? {} : { items: [{ key, path: key }] };
  return {
    volumes: [{ name: sourceVolume, configMap: { name, optional: true, ...items } }],
    mounts: [{ name: sourceVolume, mountPath: `${MOUNT.sources}/${folder}`, readOnly: true }],
  };
}
