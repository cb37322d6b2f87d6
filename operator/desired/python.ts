/** What a pod has for a script in Python: the container that runs it, and the one that installs its packages. */
import { ENV, MOUNT, PYTHON_MODULE, REQUIREMENTS_FILE } from '@penstock/contract';
import type { Container, Volume } from 'kubernetes-types/core/v1.js';
import { CONTAINER } from '../api/containers.ts';
import type { RevisionRecord, Script } from '../api/observed.ts';
import type { PythonConfig, RenderConfig } from '../api/renderConfig.ts';
import type { Effective, InferencePipelineSpec } from '../api/types.gen.ts';
import { quantity } from '../api/units.ts';
import { codeVariables, MODELS_MOUNT, TMP_MOUNT } from './codeContainer.ts';
import {
  egressVariables,
  PACKAGES_VOLUME,
  packagesMebibytes,
  RESTRICTED,
  withDisk,
  type ContainerResources,
} from './fetching.ts';

/** The requirements in the revision's ConfigMap. */
export const REQUIREMENTS_KEY = 'requirements.txt';

/** The worker's package and the socket. */
const WORKER_VOLUME = 'python';
const WORKER_MEBIBYTES = 16;
const CACHE_VOLUME = 'package-cache';

/** Names of this pod's volumes that the cluster autoscaler may delete. */
export const PYTHON_VOLUMES = [WORKER_VOLUME, PACKAGES_VOLUME] as const;

/** The image that runs the script. Undefined for a version of Python that the chart has no image for. */
export const pythonImage = (spec: InferencePipelineSpec, python: PythonConfig): string | undefined =>
  spec.environment?.image ?? python.images[pythonVersion(spec, python)];

/** The minor version of Python in an image of the chart. */
export const pythonVersion = ({ environment }: InferencePipelineSpec, { defaultVersion }: PythonConfig): string =>
  environment?.packages?.python?.version ?? defaultVersion;

export interface PythonInput {
  spec: InferencePipelineSpec;
  record: RevisionRecord;
  script: Script;
  modelDir: string;
  effective: Effective;
  config: RenderConfig;
}

/** Runs the script. The scorer listens on the socket, and this container connects to it. */
export function pythonContainer({ spec, record, script, modelDir, effective, config }: PythonInput): Container {
  const entry = `${MOUNT.script}/${script.entry}`;
  const ours = {
    ...(script.requirements !== undefined && { [ENV.packages]: MOUNT.packages }),
    [ENV.script]: script.entry,
    [ENV.modelDir]: modelDir,
  };
  return {
    name: CONTAINER.python,
    image: record.python!.image,
    imagePullPolicy: config.imagePullPolicy,
    workingDir: MOUNT.python,
    command: ['python3', '-m', PYTHON_MODULE.worker, MOUNT.pythonSocket, entry],
    env: codeVariables(spec, effective, ours),
    resources: resources(effective, script, config),
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      MODELS_MOUNT,
      { name: 'script', mountPath: MOUNT.script, readOnly: true },
      { name: WORKER_VOLUME, mountPath: MOUNT.python, readOnly: true },
      ...(script.requirements === undefined
        ? []
        : [{ name: PACKAGES_VOLUME, mountPath: MOUNT.packages, readOnly: true }]),
      TMP_MOUNT,
    ],
  };
}

const resources = (effective: Effective, { requirements }: Script, config: RenderConfig): ContainerResources =>
  withDisk(effective, requirements === undefined ? 0 : packagesMebibytes(config));

/**
 * Installs the requirements. It alone has the credentials of the index, and the claim with the packages of all pods.
 */
export function installContainer({ record, script, effective, config }: PythonInput): Container {
  const { python, maxPackagesSize } = config;
  return {
    name: CONTAINER.install,
    image: record.python!.image,
    imagePullPolicy: config.imagePullPolicy,
    workingDir: MOUNT.python,
    command: [
      'python3',
      '-m',
      PYTHON_MODULE.install,
      `${MOUNT.requirements}/${REQUIREMENTS_FILE}`,
      MOUNT.packages,
      MOUNT.indexCredentials,
    ],
    env: [
      ...(python.indexUrl === undefined ? [] : [{ name: ENV.indexUrl, value: python.indexUrl }]),
      ...(python.cacheClaim === undefined ? [] : [{ name: ENV.packageCache, value: MOUNT.packageCache }]),
      { name: ENV.maxPackagesBytes, value: String(Math.floor(quantity(maxPackagesSize))) },
      ...egressVariables(config),
    ],
    resources: resources(effective, script, config),
    securityContext: RESTRICTED,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: WORKER_VOLUME, mountPath: MOUNT.python, readOnly: true },
      { name: PACKAGES_VOLUME, mountPath: MOUNT.packages },
      { name: 'requirements', mountPath: MOUNT.requirements, readOnly: true },
      ...(python.indexSecret === undefined
        ? []
        : [{ name: 'index', mountPath: MOUNT.indexCredentials, readOnly: true }]),
      ...(python.cacheClaim === undefined ? [] : [{ name: CACHE_VOLUME, mountPath: MOUNT.packageCache }]),
      TMP_MOUNT,
    ],
  };
}

/** Where `fetch` puts the worker's package, and where the scorer listens. */
export const WORKER_MOUNT = { name: WORKER_VOLUME, mountPath: MOUNT.python } as const;

export function pythonVolumes(revision: string, { requirements }: Script, config: RenderConfig): Volume[] {
  const { python } = config;
  const worker: Volume = { name: WORKER_VOLUME, emptyDir: { sizeLimit: `${WORKER_MEBIBYTES}Mi` } };
  if (requirements === undefined) return [worker];
  return [
    worker,
    { name: PACKAGES_VOLUME, emptyDir: { sizeLimit: config.maxPackagesSize } },
    {
      name: 'requirements',
      configMap: { name: revision, items: [{ key: REQUIREMENTS_KEY, path: REQUIREMENTS_FILE }] },
    },
    ...(python.indexSecret === undefined
      ? []
      : [{ name: 'index', secret: { secretName: python.indexSecret, optional: true } }]),
    ...(python.cacheClaim === undefined
      ? []
      : [{ name: CACHE_VOLUME, persistentVolumeClaim: { claimName: python.cacheClaim } }]),
  ];
}
