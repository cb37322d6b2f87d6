/** kubectl against the cluster. */
import { execa } from 'execa';
import { join } from 'node:path';
import { cache } from './paths.ts';
import { tool } from './tools.ts';

const OWN_KUBECONFIG = join(cache, 'kubeconfig');
/**
 * The kubeconfig of a cluster that these commands did not make. KUBECONFIG may also be their own, by `npm run cluster
 * -- env`.
 */
export const foreignKubeconfig = process.env.KUBECONFIG === OWN_KUBECONFIG ? undefined : process.env.KUBECONFIG;
/** The kubeconfig of the cluster. */
export const kubeconfig = foreignKubeconfig ?? OWN_KUBECONFIG;

/** Runs kubectl against the cluster and gives its standard output; `input` goes to standard input. */
export async function kubectl(args: string[], input?: string): Promise<string> {
  const done = await execa(await tool('kubectl'), args, {
    env: { KUBECONFIG: kubeconfig },
    ...(input === undefined ? {} : { input }),
  });
  return done.stdout;
}
