/**
 * Writes children: creates what is missing, applies what differs, refuses what another owner has, deletes what is not
 * wanted.
 */
import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ignoreNotFound, hasStatus } from '@penstock/kube/api/status';
import { Outdated } from '@penstock/kube/controller/result';
import { Stalled } from '../api/flow.ts';
import { ANNOTATION } from '../api/labels.ts';
import { controllerOf, type KubeObject } from '@penstock/kube/api/objects';
import { REASON } from '../api/reasons.ts';
import { kindOf } from '../api/kinds.ts';
import type { KubeClient } from '@penstock/kube/client/client';
import type { Kube } from '../caches/kube.ts';
import { isSubset } from './isSubset.ts';

/** The operator does not watch objects of other owners, so it polls until they are gone. */
const NOT_OWNED_RECHECK_MS = 15_000;

/** The owner of children; with a status, it was reconciled before. */
type Owner = KubeObject & { status?: { conditions?: unknown[]; activeRevision?: string } };

export type Writer = Pick<Kube, 'cached' | 'cacheWrite' | 'evict'> & {
  client: Pick<KubeClient, 'create' | 'apply' | 'get' | 'remove' | 'patchMetadata'>;
};

/**
 * Applies `wanted` wave by wave, the objects of a wave in parallel. Throws Stalled where an object of another owner has
 * the name; the other objects of that wave are applied, later waves are not.
 */
export async function applyAll(wanted: KubeObject[][], owner: Owner, kube: Writer): Promise<void> {
  let alive = owner.status?.conditions === undefined; // a new owner was read from the API server a moment ago
  for (const wave of wanted) {
    if (!alive && wave.some((object) => !kube.cached(object))) {
      await confirmOwnerExists(owner, kube);
      alive = true;
    }
    const ends = await Promise.allSettled(wave.map((object) => applyOne(object, owner, kube)));
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
    const worst = failures.find((error) => error instanceof Stalled) ?? failures[0];
    if (worst) throw worst;
  }
}

async function applyOne(object: KubeObject, owner: Owner, kube: Writer): Promise<void> {
  const signed = withAppliedHash(object);
  const live = kube.cached(object);
  if (!live) await createOrAdopt(signed, owner, kube);
  else if (isForeignConfigMap(live, owner)) await recreate(live, signed, kube);
  else if (!isControlledBy(live, owner)) throw notControlled(live, owner);
  else if (isImmutableWithOtherData(live, object)) await recreate(live, signed, kube);
  else if (
    live.metadata.annotations?.[ANNOTATION.applied] !== signed.metadata.annotations?.[ANNOTATION.applied] ||
    !isSubset(live, object)
  )
    kube.cacheWrite(await kube.client.apply(signed));
}

/**
 * Deletes the children that are not wanted. A child that has changed since it was read is left to the next reconcile.
 */
export async function prune(
  children: KubeObject[],
  wanted: (object: KubeObject) => boolean,
  kube: Writer,
): Promise<void> {
  for (const child of children) {
    if (wanted(child) || child.metadata.deletionTimestamp !== undefined) continue;
    try {
      await kube.client.remove(child);
      kube.evict(child);
    } catch (error) {
      if (hasStatus(error, 404)) kube.evict(child);
      else if (!hasStatus(error, 409)) throw error;
    }
  }
}

/**
 * A child may be missing because its owner is deleted and the watch is late. So the owner is read from the API server
 * before a child is created again, or the garbage collector and the operator would take turns. Throws Outdated.
 */
async function confirmOwnerExists(owner: KubeObject, kube: Writer): Promise<void> {
  const { namespace = '', name, uid } = owner.metadata;
  const now = await kube.client.get(kindOf(owner), namespace, name).catch(ignoreNotFound);
  if (now && now.metadata.uid === uid && now.metadata.deletionTimestamp === undefined) return;
  if (now?.metadata.uid !== uid) kube.evict(owner);
  if (now) kube.cacheWrite(now);
  throw new Outdated(`${owner.kind} ${name} is gone`);
}

/** Created by POST, so that an object of another owner is noticed instead of taken over (ADR 3). */
async function createOrAdopt(object: KubeObject, owner: Owner, kube: Writer): Promise<void> {
  try {
    kube.cacheWrite(await kube.client.create(object));
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
    const live = await kube.client.get(kindOf(object), object.metadata.namespace ?? '', object.metadata.name);
    if (isForeignConfigMap(live, owner)) return recreate(live, object, kube);
    if (!isControlledBy(live, owner)) throw notControlled(live, owner);
    if (isImmutableWithOtherData(live, object)) return recreate(live, object, kube);
    // a response was lost, the cache is behind, or our label was removed
    kube.cacheWrite('immutable' in live ? await withLabels(live, object, kube) : await kube.client.apply(object));
  }
}

type Frozen = KubeObject & { immutable?: boolean; data?: object; binaryData?: object };

/**
 * Whether a ConfigMap is immutable with other data than it should have: another account created it, and no update can
 * change it.
 */
function isImmutableWithOtherData(live: Frozen, wanted: Frozen): boolean {
  const same = isDeepStrictEqual(
    [live.data ?? {}, live.binaryData ?? {}],
    [wanted.data ?? {}, wanted.binaryData ?? {}],
  );
  return live.kind === 'ConfigMap' && live.immutable === true && !(same && wanted.immutable === true);
}

/**
 * Deletes exactly the object that was read and creates it again. Its finalizers are removed, because with them it would
 * stay and be mounted.
 */
async function recreate(live: KubeObject, object: KubeObject, kube: Writer): Promise<void> {
  if (live.metadata.deletionTimestamp === undefined) await kube.client.remove(live);
  if ((live.metadata.finalizers ?? []).length > 0)
    await kube.client.patchMetadata(kindOf(live), live.metadata, { finalizers: [] });
  kube.evict(live);
  kube.cacheWrite(await kube.client.create(object));
}

/** Of an immutable object only the metadata can be repaired. */
async function withLabels(
  live: KubeObject,
  { metadata: { labels = {} } }: KubeObject,
  kube: Writer,
): Promise<KubeObject> {
  const asWanted = Object.entries(labels).every(([name, value]) => live.metadata.labels?.[name] === value);
  return asWanted ? live : kube.client.patchMetadata(kindOf(live), live.metadata, { labels });
}

const isControlledBy = (live: KubeObject, { kind, metadata: { name, uid } }: KubeObject): boolean => {
  const controller = controllerOf(live);
  return controller !== undefined && controller.kind === kind && controller.name === name && controller.uid === uid;
};

/**
 * Whether another account has put a ConfigMap in the place of a child. Pods mount it by name, whatever its labels are,
 * and read key hashes from it. A pipeline that serves had its own ConfigMap there; for a new pipeline, the ConfigMap
 * may be a user's.
 */
const isForeignConfigMap = (live: KubeObject, owner: Owner): boolean =>
  live.kind === 'ConfigMap' && owner.status?.activeRevision !== undefined && !isControlledBy(live, owner);

/**
 * A child of a deleted pipeline of the same name will be gone soon: retried. Any other object is for the user to
 * remove.
 */
function notControlled({ kind, metadata }: KubeObject, owner: KubeObject): Error {
  const isTerminating =
    metadata.deletionTimestamp !== undefined ||
    metadata.ownerReferences?.some(
      (one) => one.controller && one.kind === owner.kind && one.name === owner.metadata.name,
    );
  if (isTerminating) return new Error(`${kind} ${metadata.name} of a deleted ${owner.kind} still exists`);
  return new Stalled(
    REASON.notOwned,
    `${kind} ${metadata.name} exists and is not this ${owner.kind}'s: delete or rename it, or rename the ${owner.kind}`,
    NOT_OWNED_RECHECK_MS,
  );
}

/** Adds the hash of the desired object as an annotation, so that a field that is no longer desired is noticed, too. */
function withAppliedHash<T extends KubeObject>(object: T): T {
  const applied = hash('sha256', JSON.stringify(object)).slice(0, 16);
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [ANNOTATION.applied]: applied } },
  };
}
