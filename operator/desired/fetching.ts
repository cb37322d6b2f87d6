/** The container that fetches models, and what every pod of Penstock has: security settings, volumes, disk limits. */
import { ENV, modelFileName, MOUNT, type FetchItem } from '@penstock/contract';
import type { Container, Volume } from 'kubernetes-types/core/v1.js';
import type { RenderConfig } from '../api/observed.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import type { SourceMounts } from './sources/mounts.ts';
import { sourceMounts } from './sources/sources.ts';

/** A model to fetch. */
export interface Fetch {
  /** Folder of the model. */
  name: string;
  modelVersion: ModelVersion;
  /** Absent on a first verification, which pins it. */
  digest?: string | undefined;
}

export const fetchItem = ({ name, modelVersion: { spec }, digest }: Fetch): FetchItem => ({
  name,
  uri: spec.source.uri,
  ...optionalFile(spec.source.uri),
  format: spec.format,
  ...(digest === undefined ? {} : { digest }),
});

/** The name that a model's one file keeps; nothing where all keys of a ConfigMap are fetched. */
export function optionalFile(uri: string): { file?: string } {
  const file = modelFileName(uri);
  return file === undefined ? {} : { file };
}

/** Volumes and mounts of the container that fetches these models. */
export function fetchVolumes(fetches: Fetch[]): SourceMounts {
  const all = fetches.map(({ name, modelVersion }) => sourceMounts(modelVersion, name));
  return { volumes: all.flatMap(({ volumes }) => volumes), mounts: all.flatMap(({ mounts }) => mounts) };
}

/** The restricted Pod Security Standard, for every container. */
export const RESTRICTED: NonNullable<Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** The container that fetches models or, in a Job, verifies one. No other container mounts credentials. */
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

/** Pod-level security: no service-account token, no root, the default seccomp profile. */
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

/** Mebibytes of a volume for `bytes` of models, with a margin. */
export const modelsMebibytes = (bytes: number): number => Math.ceil((bytes * 1.1) / 2 ** 20) + 16;

/** An emptyDir with that limit; the kubelet evicts a pod that exceeds it. */
export const modelsVolume = (mebibytes: number): Volume => ({
  name: 'models',
  emptyDir: { sizeLimit: `${mebibytes}Mi` },
});

const TMP_MEBIBYTES = 256;
export const TMP_VOLUME: Volume = { name: 'tmp', emptyDir: { sizeLimit: `${TMP_MEBIBYTES}Mi` } };

/** Room for a container's log: by default the kubelet keeps five files of 10 MiB. */
const LOG_MEBIBYTES = 128;

/**
 * Limit of what a pod writes to its node's disk: models, temporary files and log. Most pods write little, so little is
 * requested.
 */
export function diskResources(modelMebibytes: number): { requests: Quantities; limits: Quantities } {
  return {
    requests: { 'ephemeral-storage': '64Mi' },
    limits: { 'ephemeral-storage': `${modelMebibytes + TMP_MEBIBYTES + LOG_MEBIBYTES}Mi` },
  };
}
type Quantities = Record<string, string>;
