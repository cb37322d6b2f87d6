/** The container that fetches models, and what every pod of Penstock has: security settings, volumes, disk limits. */
import { ENV, modelFileName, MOUNT, type FetchItem } from '@penstock/contract';
import type { Container, EnvVar, PodSecurityContext, PodSpec, Volume, VolumeMount } from 'kubernetes-types/core/v1.js';
import type { RenderConfig } from '../api/renderConfig.ts';
import type { ModelVersion } from '../api/types.gen.ts';
import { quantity } from '../api/units.ts';
import { names } from './names.ts';
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
  const all = fetches.map(({ name, modelVersion }) =>
    sourceMounts(modelVersion, {
      folder: name,
      sourceVolume: names.volume('source', name),
      claimVolume: (claim) => names.volume('claim', claim),
      secretVolume: names.volume('secret', name),
    }),
  );
  const volumes = new Map(all.flatMap((one) => one.volumes).map((volume) => [volume.name, volume]));
  return { volumes: [...volumes.values()], mounts: all.flatMap(({ mounts }) => mounts) };
}

/** The restricted Pod Security Standard, for every container. */
export const RESTRICTED: NonNullable<Container['securityContext']> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

const EGRESS = ['httpsProxy', 'noProxy', 'caBundle'] as const;

/** How downloads leave the cluster, for a container that downloads. */
export const egressVariables = ({ egress }: RenderConfig): EnvVar[] =>
  EGRESS.flatMap((name) => (egress[name] === undefined ? [] : [{ name: ENV[name], value: egress[name] }]));

/** The container that fetches models or, in a Job, verifies one. No other container mounts credentials. */
export function fetchContainer(
  command: string,
  fetches: Fetch[],
  config: RenderConfig & { resources: ContainerResources },
): Container & { env: EnvVar[]; volumeMounts: VolumeMount[] } {
  const { scorerImage, imagePullPolicy, privateSources, resources } = config;
  return {
    name: command,
    image: scorerImage,
    imagePullPolicy,
    args: [command],
    env: [
      { name: ENV.fetch, value: JSON.stringify(fetches.map(fetchItem)) },
      ...(privateSources ? [] : [{ name: ENV.privateSources, value: 'false' }]),
      ...egressVariables(config),
    ],
    resources,
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'models', mountPath: MOUNT.models },
      { name: 'tmp', mountPath: '/tmp' },
      ...fetchVolumes(fetches).mounts,
    ],
  };
}

/** As in a namespace where the cluster assigns the ids (OpenShift). */
const NOT_ROOT = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } as const;
const USER_ID = 65532;
const WITH_IDS = {
  ...NOT_ROOT,
  runAsUser: USER_ID,
  runAsGroup: USER_ID,
  fsGroup: USER_ID,
  fsGroupChangePolicy: 'OnRootMismatch',
} as const;
/** The security of every pod that Penstock makes: never root, with the default seccomp profile. */
export const POD_SECURITY_CONTEXTS: readonly PodSecurityContext[] = [WITH_IDS, NOT_ROOT];

/** The fields that every pod has: no service-account token, security, and the access to images. */
export function commonPodSpec(
  { imagePullSecrets, assignUser }: RenderConfig,
  serviceAccountName: string | undefined,
): Omit<PodSpec, 'containers'> {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: assignUser ? WITH_IDS : NOT_ROOT,
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
    ...(imagePullSecrets.length > 0 ? { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) } : {}),
  };
}

/** Mebibytes of a volume for `bytes` of models, with a margin. */
export const modelsMebibytes = (bytes: number): number => Math.ceil((bytes * 1.1) / 2 ** 20) + 16;

export const MODELS_VOLUME = 'models';

/** An emptyDir with that limit; the kubelet evicts a pod that exceeds it. */
export const modelsVolume = (mebibytes: number): Volume => ({
  name: MODELS_VOLUME,
  emptyDir: { sizeLimit: `${mebibytes}Mi` },
});

/** Packages of the script. */
export const PACKAGES_VOLUME = 'packages';

const TMP_MEBIBYTES = 256;
export const TMP_VOLUME: Volume = { name: 'tmp', emptyDir: { sizeLimit: `${TMP_MEBIBYTES}Mi` } };

/** Room for a container's log: by default the kubelet keeps five files of 10 MiB. */
const LOG_MEBIBYTES = 128;

/**
 * Limit of what a pod writes to its node's disk: models, temporary files and log. Most pods write little, so little is
 * requested.
 */
export function diskResources(modelMebibytes: number): ContainerResources {
  return {
    requests: { 'ephemeral-storage': '64Mi' },
    limits: { 'ephemeral-storage': `${modelMebibytes + TMP_MEBIBYTES + LOG_MEBIBYTES}Mi` },
  };
}

/** The user's resources; with a limit for the disk if the user sets none. */
export function withDisk({ requests, limits }: ContainerResources, mebibytes: number): ContainerResources {
  if (limits['ephemeral-storage'] ?? requests['ephemeral-storage']) return { requests, limits };
  const disk = diskResources(mebibytes);
  return { requests: { ...requests, ...disk.requests }, limits: { ...limits, ...disk.limits } };
}

/** Mebibytes that the packages of a script may have. */
export const packagesMebibytes = ({ maxPackagesSize }: RenderConfig): number =>
  Math.ceil(quantity(maxPackagesSize) / 2 ** 20);

export interface ContainerResources {
  requests: Record<string, string>;
  limits: Record<string, string>;
}
