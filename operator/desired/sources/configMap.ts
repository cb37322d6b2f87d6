/** configmap://NAME[/KEY]: the ConfigMap is mounted where the fetch container reads it. */
import { MOUNT, type ModelSource } from '@penstock/contract';
import type { SourceMounts } from './mounts.ts';

/** The volume is optional, so that the fetch itself reports a missing ConfigMap or key. */
export function configMapMounts(
  { name, key }: Extract<ModelSource, { scheme: 'configmap' }>,
  model: string,
): SourceMounts {
  const volume = `source-${model}`.slice(0, 63);
  const items = key === undefined ? {} : { items: [{ key, path: key }] };
  return {
    volumes: [{ name: volume, configMap: { name, optional: true, ...items } }],
    mounts: [{ name: volume, mountPath: `${MOUNT.sources}/${model}`, readOnly: true }],
  };
}
