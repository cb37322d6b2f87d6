/** How the bytes of a model get into a container: sources and credentials as mounts, and the list of what to fetch. */
import { ENV, MOUNT, type FetchItem } from '@penstock/contract';
import type { Container, Volume, VolumeMount } from 'kubernetes-types/core/v1.js';
import type { RenderConfig } from '../api/observed.ts';
import type { ModelVersion } from '../api/types.gen.ts';

/** `name` is the model's folder; `digest` is absent on a first verification only. */
export interface Fetch {
  name: string;
  modelVersion: ModelVersion;
  digest?: string;
}

const CONFIGMAP = /^configmap:\/\/([^/]+)(?:\/(.+))?$/;

/** ConfigMap and key of a configmap:// uri, no key for all of them; undefined for other sources. */
export function configMapSource(uri: string): { name: string; key?: string } | undefined {
  const match = CONFIGMAP.exec(uri);
  return match ? { name: match[1]!, ...(match[2] !== undefined && { key: match[2] }) } : undefined;
}

/** The name that the one file keeps: the key, or the last segment of the path without query. Nothing for a whole ConfigMap. */
export function fileName(uri: string): { file?: string } {
  const configMap = configMapSource(uri);
  const file = configMap ? configMap.key : (new URL(uri).pathname.split('/').at(-1) ?? 'model');
  return file === undefined ? {} : { file };
}

export const fetchItem = ({ name, modelVersion: { spec }, digest }: Fetch): FetchItem => ({
  name,
  uri: spec.source.uri,
  ...fileName(spec.source.uri),
  format: spec.format,
  ...(digest === undefined ? {} : { digest }),
});

/** Volumes and mounts of the fetching container. All are optional, so that a missing one is said by the fetch itself. */
export function fetchVolumes(fetches: Fetch[]): { volumes: Volume[]; mounts: VolumeMount[] } {
  const volumes: Volume[] = [];
  const mounts: VolumeMount[] = [];
  for (const {
    name,
    modelVersion: {
      spec: { source },
    },
  } of fetches) {
    const configMap = configMapSource(source.uri);
    if (configMap) {
      volumes.push({
        name: `source-${name}`.slice(0, 63),
        configMap: {
          name: configMap.name,
          optional: true,
          ...(configMap.key !== undefined && { items: [{ key: configMap.key, path: configMap.key }] }),
        },
      });
      mounts.push({ name: `source-${name}`.slice(0, 63), mountPath: `${MOUNT.sources}/${name}`, readOnly: true });
    }
    if (source.secretRef) {
      volumes.push({
        name: `secret-${name}`.slice(0, 63),
        secret: { secretName: source.secretRef.name, optional: true, defaultMode: 0o440 },
      });
      mounts.push({ name: `secret-${name}`.slice(0, 63), mountPath: `${MOUNT.credentials}/${name}`, readOnly: true });
    }
  }
  return { volumes, mounts };
}

/** Restricted Pod Security, for every container of ours. */
export const RESTRICTED: NonNullable<Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** The container that fetches (or, in a Job, verifies): the only one that ever sees credentials. */
export function fetchContainer(
  command: string,
  fetches: Fetch[],
  { scorerImage, imagePullPolicy, privateSources }: RenderConfig,
): Container {
  return {
    name: command,
    image: scorerImage,
    imagePullPolicy,
    args: [command],
    env: [
      { name: ENV.fetch, value: JSON.stringify(fetches.map(fetchItem)) },
      ...(privateSources ? [] : [{ name: ENV.privateSources, value: 'false' }]),
    ],
    resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'models', mountPath: MOUNT.models },
      { name: 'tmp', mountPath: '/tmp' },
      ...fetchVolumes(fetches).mounts,
    ],
  };
}

/** Pod-level settings that every pod of ours has: no token, no root, the default seccomp profile. */
export const POD_SECURITY = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
} as const;

/** Mebibytes that `bytes` of models take, with room to spare. */
export const modelsMebibytes = (bytes: number): number => Math.ceil((bytes * 1.1) / 2 ** 20) + 16;

/** An emptyDir of that size; the kubelet evicts a pod that outgrows it. */
export const modelsVolume = (mebibytes: number): Volume => ({
  name: 'models',
  emptyDir: { sizeLimit: `${mebibytes}Mi` },
});

const TMP_MEBIBYTES = 256;
export const TMP_VOLUME: Volume = { name: 'tmp', emptyDir: { sizeLimit: `${TMP_MEBIBYTES}Mi` } };

/** What the kubelet keeps of a container's log before it drops the oldest part: five files of 10 MiB, unless it is told otherwise. */
const LOG_MEBIBYTES = 128;

/** Bound of all that a pod writes to its node's disk: models, temporary files and log. Little is requested, since most pods write little. */
export function diskResources(modelMebibytes: number): { requests: Quantities; limits: Quantities } {
  return {
    requests: { 'ephemeral-storage': '64Mi' },
    limits: { 'ephemeral-storage': `${modelMebibytes + TMP_MEBIBYTES + LOG_MEBIBYTES}Mi` },
  };
}
type Quantities = Record<string, string>;
