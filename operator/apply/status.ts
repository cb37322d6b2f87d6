/** The status of pipelines and ModelVersions: written last, and only its changes. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '@penstock/kube/api/objects';
import type { KubeClient } from '@penstock/kube/client/client';
import type { Kube } from '../caches/kube.ts';

export type StatusWriter = Pick<Kube, 'cacheWrite'> & { client: Pick<KubeClient, 'patchStatus'> };

/**
 * Resolves with true when something was written. The write fails with 409 if the object has changed since it was read,
 * so that the append-only history loses no entry.
 */
export async function writeStatus(
  object: KubeObject & { status?: object },
  status: object,
  kube: StatusWriter,
): Promise<boolean> {
  const change = mergePatch(object.status ?? {}, status);
  if (Object.keys(change).length === 0) return false;
  kube.cacheWrite(await kube.client.patchStatus(object, change));
  return true;
}

/** The JSON merge patch (RFC 7396) from `before` to `after`: changed fields, and null for removed ones. */
export function mergePatch(before: object, after: object): Record<string, unknown> {
  const [old, now] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const changed = Object.entries(now).flatMap(([name, value]): [string, unknown][] => {
    if (isPlain(value) && isPlain(old[name])) {
      const inner = mergePatch(old[name], value);
      return Object.keys(inner).length === 0 ? [] : [[name, inner]];
    }
    return isDeepStrictEqual(old[name], value) ? [] : [[name, value]];
  });
  const gone = Object.keys(old)
    .filter((name) => now[name] === undefined)
    .map((name): [string, unknown] => [name, null]);
  return Object.fromEntries([...changed, ...gone]);
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
