/** One pooled connection set for everything: client-node opens a TLS connection a call, at 4 to 6 times the cost. */
import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { Agent, type Dispatcher } from 'undici';

const CONNECTIONS = 32;

export interface Access {
  server: string;
  dispatcher: Dispatcher;
  headers: Record<string, string>;
}

/** Reads credentials by client-node's KubeConfig (token files again after a minute) and keeps a pool for them. */
export class Pool {
  readonly #config: KubeConfig;
  #agent: { credentials: string; agent: Agent } | undefined;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  async access(): Promise<Access> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const { ca, cert, key, rejectUnauthorized } = options as { ca?: Buffer; cert?: Buffer; key?: Buffer; rejectUnauthorized?: boolean };
    const credentials = [ca, cert, key].map((part) => part?.toString('base64') ?? '').join('|');
    if (this.#agent?.credentials !== credentials) {
      void this.#agent?.agent.close(); // a rotated CA or client certificate: running requests end in peace
      const connect = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), rejectUnauthorized: rejectUnauthorized ?? true, timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
      this.#agent = { credentials, agent: new Agent({ connections: CONNECTIONS, allowH2: false, keepAliveTimeout: 60_000, headersTimeout: 60_000, bodyTimeout: 60_000, connect }) };
    }
    return { server: this.#config.getCurrentCluster()!.server, dispatcher: this.#agent.agent, headers: (options.headers ?? {}) as Record<string, string> };
  }

  async close(): Promise<void> {
    await this.#agent?.agent.close();
  }
}

/** The cluster of a kubeconfig file, or the one this pod runs in. */
export function kubeConfig(file?: string): KubeConfig {
  const config = new KubeConfig();
  if (file) config.loadFromFile(file);
  else config.loadFromCluster();
  return config;
}
