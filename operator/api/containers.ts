/** The containers of our pods. An admission webhook may add others, such as the proxy of a service mesh. */
import { SCORER_COMMAND } from '@penstock/contract';

export const CONTAINER = {
  scorer: 'scorer',
  fetch: SCORER_COMMAND.fetch,
  verify: SCORER_COMMAND.verify,
  /** Installs the packages of a script in Python. */
  install: 'install',
  /** Runs a script in Python. */
  python: 'python',
} as const;

/** Whether a container has the name of one that we make. */
export const isOwnContainer = ({ name }: { name: string }): boolean =>
  (Object.values(CONTAINER) as string[]).includes(name);
