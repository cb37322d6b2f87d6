/** What each scheme of a model source adds to the pod that fetches it. */
import { MOUNT, parseModelSource, type ModelSource } from '@penstock/contract';
import type { ModelVersion } from '../../api/types.gen.ts';
import { claimMounts } from './claim.ts';
import { configMapMounts } from './configMap.ts';
import { httpsMounts } from './https.ts';
import type { MountNames, SourceMounts } from './mounts.ts';

type Scheme = ModelSource['scheme'];
type Renderer<S extends Scheme> = (source: Extract<ModelSource, { scheme: S }>, names: MountNames) => SourceMounts;

const RENDERERS: { [S in Scheme]: Renderer<S> } = { configmap: configMapMounts, https: httpsMounts, pvc: claimMounts };

/** Volumes and mounts for the bytes and the credentials of one model. */
export function sourceMounts({ spec: { source } }: ModelVersion, names: MountNames): SourceMounts {
  const parsed = parseModelSource(source.uri);
  const render = parsed && (RENDERERS[parsed.scheme] as (source: ModelSource, names: MountNames) => SourceMounts);
  const bytes = parsed && render ? render(parsed, names) : { volumes: [], mounts: [] };
  const credentials = source.secretRef ? secretMounts(source.secretRef.name, names) : { volumes: [], mounts: [] };
  return {
    volumes: [...bytes.volumes, ...credentials.volumes],
    mounts: [...bytes.mounts, ...credentials.mounts],
  };
}

/**
 * The volume is optional, so that the fetch itself reports a missing Secret. Only its container mounts it, with any
 * user id, so all may read it.
 */
function secretMounts(secretName: string, { folder, secretVolume }: MountNames): SourceMounts {
  return {
    volumes: [{ name: secretVolume, secret: { secretName, optional: true, defaultMode: 0o444 } }],
    mounts: [{ name: secretVolume, mountPath: `${MOUNT.credentials}/${folder}`, readOnly: true }],
  };
}
