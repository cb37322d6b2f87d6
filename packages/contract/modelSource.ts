/** The URI of a model's source (ModelVersion spec.source.uri), parsed once. */

export type ModelSource =
  /** A ConfigMap in the ModelVersion's namespace: one key of it, or without `key` all of them. */
  | { scheme: 'configmap'; name: string; key?: string }
  /** One file; `fileName` is the last segment of the path. */
  | { scheme: 'https'; url: string; fileName: string };

const CONFIGMAP = /^configmap:\/\/([^/]+)(?:\/(.+))?$/;

/** Undefined for any other text, which the CRD refuses. */
export function parseModelSource(uri: string): ModelSource | undefined {
  const [, name, key] = CONFIGMAP.exec(uri) ?? [];
  if (name !== undefined) return { scheme: 'configmap', name, ...(key !== undefined && { key }) };
  const path = URL.parse(uri)?.pathname; // a user may have written anything: this never throws
  if (!uri.startsWith('https://') || path === undefined) return undefined;
  return { scheme: 'https', url: uri, fileName: path.split('/').at(-1)! };
}

/** The ConfigMap that a URI names; undefined for other sources. */
export function configMapSource(uri: string): Extract<ModelSource, { scheme: 'configmap' }> | undefined {
  const source = parseModelSource(uri);
  return source?.scheme === 'configmap' ? source : undefined;
}

/** Name of the one file that a source brings; undefined where it brings all keys of a ConfigMap. */
export function modelFileName(uri: string): string | undefined {
  const source = parseModelSource(uri);
  return source?.scheme === 'https' ? source.fileName : source?.key;
}
