/** The names of all children and of the volumes of pods: DNS labels of at most 63 characters. */
import { sha256 } from './hash.ts';

const MAX_LENGTH = 63;

/**
 * A name that is a DNS label: a longer one is cut, and gets a hash of all of it, so that two names stay different. The
 * name of a pipeline has at most 50 characters, so the names of its children are never cut.
 */
function label(name: string): string {
  if (name.length <= MAX_LENGTH) return name;
  return `${name.slice(0, MAX_LENGTH - 9).replace(/-+$/, '')}-${sha256(name).slice(0, 8)}`;
}

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
  /** A volume with the source or the credentials of a model. The name of a model may have 63 characters. */
  volume: (use: 'source' | 'secret' | 'claim', model: string): string => label(`${use}-${model}`),
};
