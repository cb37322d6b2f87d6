/** Brings children about: creates what is missing, applies what differs, refuses what is not ours, prunes the rest. */
import { createHash } from 'node:crypto';
import { answered, Stalled } from '../api/flow.ts';
import { ANNOTATION } from '../api/labels.ts';
import type { KubeObject } from '../api/objects.ts';
import { REASON } from '../api/reasons.ts';
import { kindOf } from '../api/kinds.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Kube } from '../kube/kube.ts';
import { covers } from './differs.ts';

/** Nobody tells when a foreign object goes. */
const FOREIGN_RECHECK_MS = 15_000;

export type Writer = Pick<Kube, 'child' | 'remember' | 'forget'> & { client: Pick<KubeClient, 'create' | 'apply' | 'get' | 'remove'> };

/** Applies `wanted` in order. Throws Stalled where another object has the name; what came before it stays applied. */
export async function applyAll(wanted: KubeObject[], owner: KubeObject, kube: Writer): Promise<void> {
  for (const object of wanted) {
    const signed = sign(object);
    const live = kube.child(object);
    if (!live) await createOrAdopt(signed, owner, kube);
    else if (!isOwned(live, owner)) throw notOwned(live, owner);
    else if (live.metadata.annotations?.[ANNOTATION.applied] !== signed.metadata.annotations?.[ANNOTATION.applied] || !covers(live, object)) kube.remember(await kube.client.apply(signed));
  }
}

/** Deletes what carries the owner's uid and is not wanted. An object that changed hands in between is left alone (uid precondition). */
export async function prune(children: KubeObject[], wanted: (object: KubeObject) => boolean, kube: Writer): Promise<void> {
  for (const child of children) {
    if (wanted(child) || child.metadata.deletionTimestamp !== undefined) continue;
    try {
      await kube.client.remove(child);
      kube.forget(child);
    } catch (error) {
      if (!answered(error, 404, 409)) throw error;
    }
  }
}

/** Created by POST, so that an object of somebody else's is found out and not taken over (ADR 3). */
async function createOrAdopt(object: KubeObject, owner: KubeObject, kube: Writer): Promise<void> {
  try {
    kube.remember(await kube.client.create(object));
  } catch (error) {
    if (!answered(error, 409)) throw error;
    const live = await kube.client.get(kindOf(object), object.metadata.namespace ?? '', object.metadata.name);
    if (!isOwned(live, owner)) throw notOwned(live, owner);
    kube.remember(await kube.client.apply(object));
  }
}

const isOwned = (live: KubeObject, owner: KubeObject): boolean => live.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === owner.metadata.uid) ?? false;

/** A child of the pipeline of the same name that was deleted a moment ago is on its way out: tried again. Any other is the user's to move. */
function notOwned({ kind, metadata }: KubeObject, owner: KubeObject): Error {
  const dying = metadata.deletionTimestamp !== undefined || metadata.ownerReferences?.some((one) => one.controller && one.kind === owner.kind && one.name === owner.metadata.name);
  if (dying) return new Error(`${kind} ${metadata.name} of a deleted ${owner.kind} is still going away`);
  return new Stalled(REASON.notOwned, `${kind} ${metadata.name} exists and is not this ${owner.kind}'s: delete or rename it, or rename the ${owner.kind}`, FOREIGN_RECHECK_MS);
}

/** Notes the hash of the wish on the object itself, so that a field we no longer want is noticed, too. */
function sign<T extends KubeObject>(object: T): T {
  const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [ANNOTATION.applied]: hash } } };
}
