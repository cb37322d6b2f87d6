/** What a pod has for the npm packages of a script: the container that installs them, and their volume. */
import { ENV, MOUNT, PACKAGE_LOCK_FILE, SCORER_COMMAND } from '@penstock/contract';
import type { Container, Volume, VolumeMount } from 'kubernetes-types/core/v1.js';
import { CONTAINER } from '../api/containers.ts';
import type { Script } from '../api/observed.ts';
import type { RenderConfig } from '../api/renderConfig.ts';
import { quantity } from '../api/units.ts';
import { egressVariables, PACKAGES_VOLUME, RESTRICTED, type ContainerResources } from './fetching.ts';

/** The lock in the revision's ConfigMap. */
export const PACKAGE_LOCK_KEY = 'package-lock.json';
const LOCK_VOLUME = 'package-lock';
const SECRET_VOLUME = 'registry';

export const hasNpmPackages = (script: Script | undefined): boolean => script?.packageLock !== undefined;

/** Where Node finds the packages: in the parent folder of the script's. */
export const NPM_MOUNT: VolumeMount = { name: PACKAGES_VOLUME, mountPath: MOUNT.nodeModules, readOnly: true };

/** Installs the packages of the lock. It alone has the credentials of the registry. */
export function npmInstallContainer(config: RenderConfig & { resources: ContainerResources }): Container {
  const { scorerImage, imagePullPolicy, npm, maxPackagesSize, resources } = config;
  return {
    name: CONTAINER.install,
    image: scorerImage,
    imagePullPolicy,
    args: [SCORER_COMMAND.install],
    env: [
      { name: ENV.registryUrl, value: npm.registryUrl ?? '' },
      { name: ENV.maxPackagesBytes, value: String(Math.floor(quantity(maxPackagesSize))) },
      ...egressVariables(config),
    ],
    resources,
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: PACKAGES_VOLUME, mountPath: MOUNT.nodeModules },
      { name: LOCK_VOLUME, mountPath: MOUNT.packageLock, readOnly: true },
      ...(npm.registrySecret === undefined
        ? []
        : [{ name: SECRET_VOLUME, mountPath: MOUNT.indexCredentials, readOnly: true }]),
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}

export function npmVolumes(revision: string, { npm, maxPackagesSize }: RenderConfig): Volume[] {
  return [
    { name: PACKAGES_VOLUME, emptyDir: { sizeLimit: maxPackagesSize } },
    { name: LOCK_VOLUME, configMap: { name: revision, items: [{ key: PACKAGE_LOCK_KEY, path: PACKAGE_LOCK_FILE }] } },
    ...(npm.registrySecret === undefined
      ? []
      : [{ name: SECRET_VOLUME, secret: { secretName: npm.registrySecret, optional: true } }]),
  ];
}
