/** The containers of our pods. An admission webhook may add others, such as the proxy of a service mesh. */
import { SCORER_COMMAND } from '@penstock/contract';
import type { RevisionRecord } from './observed.ts';

export const CONTAINER = {
  scorer: 'scorer',
  fetch: SCORER_COMMAND.fetch,
  verify: SCORER_COMMAND.verify,
  /** Installs the packages of a script in Python. */
  install: 'install',
  /** Runs a script in Python. */
  python: 'python',
  /** A server of the user's own. */
  server: 'server',
} as const;

/** The container with the resources of the spec: it runs the user's code, or a model without code. */
export const mainContainer = ({ python, server }: Pick<RevisionRecord, 'python' | 'server'>): string => {
  if (python) return CONTAINER.python;
  return server ? CONTAINER.server : CONTAINER.scorer;
};

/** Whether a container has the name of one that we make. */
export const isOwnContainer = ({ name }: { name: string }): boolean =>
  (Object.values(CONTAINER) as string[]).includes(name);
