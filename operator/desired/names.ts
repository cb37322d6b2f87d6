/** Names of all children, each at most 63 characters: pipelines have at most 50, and the suffixes at most 13. */
export const names = {
  service: (pipeline: string): string => pipeline,
  keys: (pipeline: string): string => `${pipeline}-keys`,
  traffic: (pipeline: string): string => `${pipeline}-traffic`,
  activator: (pipeline: string): string => `${pipeline}-activator`,
  networkPolicy: (pipeline: string): string => pipeline,
  revision: (pipeline: string, hash: string): string => `${pipeline}-${hash.slice(0, 8)}`,
  /** Whether a pipeline's child could be called so. */
  isChild: (pipeline: string, name: string): boolean =>
    name === pipeline ||
    (name.startsWith(`${pipeline}-`) && /^(traffic|activator|[0-9a-f]{8})$/.test(name.slice(pipeline.length + 1))),
  /** One verification attempt; `hash` tells what was verified, so that a moved source is another Job. */
  verifyJob: (modelVersion: string, hash: string, attempt: number): string =>
    `${modelVersion.slice(0, 40).replace(/-+$/, '')}-verify-${hash.slice(0, 8)}-${attempt}`,
};
