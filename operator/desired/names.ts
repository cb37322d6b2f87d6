/**
 * The names of all children. Each has at most 63 characters: the name of a pipeline has at most 50, and a suffix at
 * most 13.
 */
export const names = {
  service: (pipeline: string): string => pipeline,
  keys: (pipeline: string): string => `${pipeline}-keys`,
  traffic: (pipeline: string): string => `${pipeline}-traffic`,
  activator: (pipeline: string): string => `${pipeline}-activator`,
  networkPolicy: (pipeline: string): string => pipeline,
  revision: (pipeline: string, hash: string): string => `${pipeline}-${hash.slice(0, 8)}`,
  /** Whether a pipeline's child can have this name. */
  isChild: (pipeline: string, name: string): boolean =>
    name === pipeline ||
    (name.startsWith(`${pipeline}-`) && /^(traffic|activator|[0-9a-f]{8})$/.test(name.slice(pipeline.length + 1))),
  /**
   * The name of the Job of a verification attempt. `hash` identifies the source, so another source gets another Job.
   */
  verifyJob: (modelVersion: string, hash: string, attempt: number): string =>
    `${modelVersion.slice(0, 40).replace(/-+$/, '')}-verify-${hash.slice(0, 8)}-${attempt}`,
};
