/** The URI of a model's source (ModelVersion spec.source.uri), parsed once. */

export type ModelSource =
  /** A ConfigMap in the ModelVersion's namespace: one key of it, or without `key` all of them. */
  | { scheme: 'configmap'; name: string; key?: string }
  /**
   * A file or a folder of a PersistentVolumeClaim in the ModelVersion's namespace; an empty path is the whole claim.
   */
  | { scheme: 'pvc'; claim: string; path: string }
  /** One file; `fileName` is the last segment of the path. */
  | { scheme: 'https'; url: string; fileName: string };

const CLAIM = /^pvc:\/\/([^/]+)(?:\/(.*))?$/;
const CONFIGMAP = /^configmap:\/\/([^/]+)(?:\/(.+))?$/;

/** Undefined for any other text, which the CRD refuses. */
export function parseModelSource(uri: string): ModelSource | undefined {
  const [, name, key] = CONFIGMAP.exec(uri) ?? [];
  if (name !== undefined) return { scheme: 'configmap', name, ...(key !== undefined && { key }) };
  const [, claim, path = ''] = CLAIM.exec(uri) ?? [];
  if (claim !== undefined) return isPlain(path) ? { scheme: 'pvc', claim, path } : undefined;
  return httpsSource(uri);
}

/** No part of the path leads to another folder. */
const isPlain = (path: string): boolean => path.split('/').every((part) => part !== '..' && part !== '.');

function httpsSource(uri: string): ModelSource | undefined {
  const path = URL.parse(uri)?.pathname; // a user may have written anything: this never throws
  if (!uri.startsWith('https://') || path === undefined) return undefined;
  return { scheme: 'https', url: uri, fileName: path.split('/').at(-1)! };
}

/** The ConfigMap that a URI names; undefined for other sources. */
export function configMapSource(uri: string): Extract<ModelSource, { scheme: 'configmap' }> | undefined {
  const source = parseModelSource(uri);
  return source?.scheme === 'configmap' ? source : undefined;
}

/** Name of the one file that a source brings; undefined where it may bring several. */
export function modelFileName(uri: string): string | undefined {
  const source = parseModelSource(uri);
  switch (source?.scheme) {
    case 'https':
      return source.fileName;
    case 'configmap':
      return source.key;
    default:
      return undefined;
  }
}
