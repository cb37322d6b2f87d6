/** The keys of objects in queues and caches: `namespace/name`. */
import type { KubeObject } from './objects.ts';

/** `namespace/name`. */
export type Key = string;

/** The key of an object in a queue or a cache. */
export const objectKey = ({ metadata: { namespace = '', name } }: Pick<KubeObject, 'metadata'>): Key =>
  joinKey(namespace, name);

export const joinKey = (namespace: string, name: string): Key => `${namespace}/${name}`;

export const splitKey = (key: Key): { namespace: string; name: string } => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};
