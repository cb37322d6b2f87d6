/**
 * `withdraw`, which the chart runs before helm uninstall: stops the operator, then deletes its registration of the
 * metrics API. An APIService without a backend would block the deletion of every namespace.
 */
import { ignoreNotFound } from '@penstock/kube/api/status';
import { CLIENT_PROFILE, KIND } from './api/kinds.ts';
import type { Config } from './config.ts';
import { KubeClient } from '@penstock/kube/client/client';
import { kubeConfig, Pool } from '@penstock/kube/client/pool';
import { isOurs, NAME, type ApiService } from './metricsapi/registration.ts';

/** Leaves the registration of another adapter alone. */
export async function withdraw(
  config: Pick<Config, 'kubeconfig' | 'namespace' | 'metricsService' | 'deployment'>,
): Promise<void> {
  const pool = new Pool(() => kubeConfig(config.kubeconfig));
  const client = new KubeClient(pool, CLIENT_PROFILE);
  try {
    await client.scale({ namespace: config.namespace, name: config.deployment }, 0).catch(ignoreNotFound);
    const registered = await client.get<ApiService>(KIND.apiService, '', NAME).catch(ignoreNotFound);
    if (registered && isOurs(registered, { namespace: config.namespace, name: config.metricsService }))
      await client.remove(registered);
  } finally {
    await pool.close();
  }
}
