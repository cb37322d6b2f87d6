/**
 * Checks whether Penstock could have rendered a pod template. Other accounts can write ConfigMaps, and the operator
 * makes pods from them.
 */
import { MOUNT, PYTHON_MODULE, SCORER_COMMAND } from '@penstock/contract';
import type { Container, PodSpec, PodTemplateSpec, Volume, VolumeMount } from 'kubernetes-types/core/v1.js';
import { CONTAINER } from '../api/containers.ts';
import type { RevisionRecord } from '../api/observed.ts';
import { POD_SECURITY_CONTEXTS, RESTRICTED } from './fetching.ts';
import { canonical } from './hash.ts';

const HOST_FIELDS = ['hostNetwork', 'hostPID', 'hostIPC'] as const;
const VOLUME_SOURCES = new Set(['name', 'emptyDir', 'configMap', 'secret', 'persistentVolumeClaim']);
/** Of the containers that run the user's code. */
const MOUNTS = new Set<string>([
  MOUNT.models,
  MOUNT.traffic,
  MOUNT.script,
  MOUNT.python,
  MOUNT.packages,
  MOUNT.nodeModules,
  '/tmp',
]);

/**
 * True for a template with the images and commands of its record, restricted security, no service-account token, and no
 * credentials in the containers that run the user's code.
 */
export function isRendered(template: unknown, record: ImagesOfRecord): template is PodTemplateSpec {
  try {
    const { spec } = template as { spec: PodSpec };
    return (
      isRestricted(spec) &&
      hasOurContainers(spec, record) &&
      (spec.volumes ?? []).every(isOurVolume) &&
      userCodeIsApart(spec)
    );
  } catch {
    return false; // a field has another type than in a pod
  }
}

function isRestricted(spec: PodSpec): boolean {
  return (
    spec.automountServiceAccountToken === false &&
    HOST_FIELDS.every((field) => !spec[field]) &&
    POD_SECURITY_CONTEXTS.some((context) => isSame(spec.securityContext, context))
  );
}

type ImagesOfRecord = Pick<RevisionRecord, 'image' | 'python' | 'server'>;
/** What a container of ours runs, by its name; a command of Python is given by its module. */
type Expected = Record<string, { image: string; args?: string[]; module?: string; anyCommand?: boolean }>;

const expectedContainers = ({ image, python, server }: ImagesOfRecord): Expected => ({
  [CONTAINER.scorer]: { image, args: [SCORER_COMMAND.serve] },
  ...(python && { [CONTAINER.python]: { image: python.image, module: PYTHON_MODULE.worker } }),
  ...(server && { [CONTAINER.server]: { image: server.image, anyCommand: true } }),
});

const expectedInitContainers = ({ image, python }: ImagesOfRecord): Expected => ({
  [CONTAINER.fetch]: { image, args: [SCORER_COMMAND.fetch] },
  [CONTAINER.install]: python
    ? { image: python.image, module: PYTHON_MODULE.install }
    : { image, args: [SCORER_COMMAND.install] },
});

function hasOurContainers(
  { containers, initContainers = [], ephemeralContainers = [] }: PodSpec,
  record: ImagesOfRecord,
): boolean {
  const expected = expectedContainers(record);
  return (
    containers.length === Object.keys(expected).length &&
    areExpected(containers, expected) &&
    areExpected(initContainers, expectedInitContainers(record)) &&
    ephemeralContainers.length === 0
  );
}

const areExpected = (containers: Container[], expected: Expected): boolean =>
  new Set(containers.map(({ name }) => name)).size === containers.length &&
  containers.every((container) => isExpected(container, expected));

function isExpected({ name, image, args, command = [], securityContext }: Container, expected: Expected): boolean {
  const wanted = Object.hasOwn(expected, name) ? expected[name] : undefined;
  if (!wanted || image !== wanted.image || !isSame(securityContext, RESTRICTED)) return false;
  if (wanted.anyCommand) return true;
  if (wanted.module === undefined) return isSame(args, wanted.args) && command.length === 0;
  return args === undefined && isSame(command.slice(0, 3), ['python3', '-m', wanted.module]);
}

const isSame = (value: unknown, wanted: unknown): boolean => canonical(value) === canonical(wanted);

const isOurVolume = (volume: Volume): boolean => Object.keys(volume).every((field) => VOLUME_SOURCES.has(field));

/** The containers of the user's code have only the mounts of the renderer, and no Secret or claim. */
function userCodeIsApart({ containers, initContainers = [], volumes = [] }: PodSpec): boolean {
  const namesOf = (isOne: (volume: Volume) => boolean): Set<string> =>
    new Set(volumes.filter(isOne).map(({ name }) => name));
  const secrets = namesOf(({ secret }) => secret !== undefined);
  const claims = namesOf(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined);
  const readOnly = namesOf(({ persistentVolumeClaim }) => persistentVolumeClaim?.readOnly === true);
  return (
    mountsOf(containers).every(
      ({ name, mountPath }) => MOUNTS.has(mountPath) && !secrets.has(name) && !claims.has(name),
    ) &&
    initContainers.every((container) =>
      mountsOf([container]).every(
        ({ name, mountPath }) => !claims.has(name) || isMountOfClaim(container.name, mountPath, readOnly.has(name)),
      ),
    )
  );
}

/** `install` has a claim as its cache of packages, and `fetch` has claims as sources of models, which it only reads. */
const isMountOfClaim = (container: string, mountPath: string, readOnly: boolean): boolean =>
  (container === CONTAINER.install && mountPath === MOUNT.packageCache) ||
  (container === CONTAINER.fetch && readOnly && mountPath.startsWith(`${MOUNT.sources}/`));

const mountsOf = (containers: Container[]): VolumeMount[] =>
  containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
