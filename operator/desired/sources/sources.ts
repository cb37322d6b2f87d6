/** What each scheme of a model source adds to the pod that fetches it. */
import { MOUNT, parseModelSource, type ModelSource } from '@penstock/contract';
import type { ModelVersion } from '../../api/types.gen.ts';
import { configMapMounts } from './configMap.ts';
import { httpsMounts } from './https.ts';
import type { SourceMounts } from './mounts.ts';

type Scheme = ModelSource['scheme'];
type Renderer<S extends Scheme> = (source: Extract<ModelSource, { scheme: S }>, model: string) => SourceMounts;

const RENDERERS: { [S in Scheme]: Renderer<S> } = { configmap: configMapMounts, https: httpsMounts };

/** Volumes and mounts for the bytes and the credentials of one model; `model` names its folder. */
export function sourceMounts({ spec: { source } }: ModelVersion, model: string): SourceMounts {
  const parsed = parseModelSource(source.uri);
  const render = parsed && (RENDERERS[parsed.scheme] as (source: ModelSource, model: string) => SourceMounts);
  const bytes = parsed && render ? render(parsed, model) : { volumes: [], mounts: [] };
  const credentials = source.secretRef ? secretMounts(source.secretRef.name, model) : { volumes: [], mounts: [] };
  return {
    volumes: [...bytes.volumes, ...credentials.volumes],
    mounts: [...bytes.mounts, ...credentials.mounts],
  };
}

/** The volume is optional, so that the fetch itself reports a missing Secret. */
function secretMounts(secretName: string, model: string): SourceMounts {
  const volume = `secret-${model}`.slice(0, 63);
  return {
    volumes: [{ name: volume, secret: { secretName, optional: true, defaultMode: 0o440 } }],
    mounts: [{ name: volume, mountPath: `${MOUNT.credentials}/${model}`, readOnly: true }],
  };
}
