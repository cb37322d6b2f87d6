/**
 * Checks whether Penstock could have rendered a pod template. Other accounts can write ConfigMaps, and the operator
 * makes pods from them.
 */
import { MOUNT, SCORER_COMMAND } from '@penstock/contract';
import type { Container, PodSpec, PodTemplateSpec, Volume } from 'kubernetes-types/core/v1.js';
import { POD_SECURITY, RESTRICTED } from './fetching.ts';
import { canonical } from './hash.ts';

const HOST_FIELDS = ['hostNetwork', 'hostPID', 'hostIPC'] as const;
const VOLUME_SOURCES = new Set(['name', 'emptyDir', 'configMap', 'secret']);
const SCORER_MOUNTS = new Set<string>([MOUNT.models, MOUNT.traffic, MOUNT.script, '/tmp']);

/**
 * True for a template with Penstock's image and commands, restricted security, no service-account token, and no
 * credentials in the scorer's container.
 */
export function isRendered(template: unknown, image: string): template is PodTemplateSpec {
  try {
    const { spec } = template as { spec: PodSpec };
    return (
      isRestricted(spec) &&
      hasOurContainers(spec, image) &&
      (spec.volumes ?? []).every(isOurVolume) &&
      scorerIsApart(spec)
    );
  } catch {
    return false; // a field has another type than in a pod
  }
}

function isRestricted(spec: PodSpec): boolean {
  return (
    spec.automountServiceAccountToken === false &&
    HOST_FIELDS.every((field) => !spec[field]) &&
    isSame(spec.securityContext, POD_SECURITY.securityContext)
  );
}

function hasOurContainers(
  { containers, initContainers = [], ephemeralContainers = [] }: PodSpec,
  image: string,
): boolean {
  const runs = ({ name, args, ...container }: Container, expected: string, command: string): boolean =>
    name === expected &&
    container.image === image &&
    isSame(args, [command]) &&
    (container.command ?? []).length === 0 &&
    isSame(container.securityContext, RESTRICTED);
  return (
    containers.length === 1 &&
    runs(containers[0]!, 'scorer', SCORER_COMMAND.serve) &&
    initContainers.length <= 1 &&
    initContainers.every((container) => runs(container, SCORER_COMMAND.fetch, SCORER_COMMAND.fetch)) &&
    ephemeralContainers.length === 0
  );
}

const isSame = (value: unknown, wanted: unknown): boolean => canonical(value) === canonical(wanted);

const isOurVolume = (volume: Volume): boolean => Object.keys(volume).every((field) => VOLUME_SOURCES.has(field));

/** User code runs in the scorer's container. Only the mounts of the renderer are allowed there, and no Secret. */
function scorerIsApart({ containers, volumes = [] }: PodSpec): boolean {
  const secrets = new Set(volumes.filter(({ secret }) => secret !== undefined).map(({ name }) => name));
  return (containers[0]!.volumeMounts ?? []).every(
    ({ name, mountPath }) => SCORER_MOUNTS.has(mountPath) && !secrets.has(name),
  );
}
