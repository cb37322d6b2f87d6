/**
 * Pooled connections to the API server: client-node opens a TLS connection for each call, which costs 4 to 6 times as
 * much.
 */
import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { Agent, type Dispatcher } from 'undici';

/** Calls share so many connections. Watches keep theirs and the Lease must not wait, so they have their own. */
const CONNECTIONS = 16;
/**
 * The credential files are read again after this long, so that a rotated token or CA is used soon without three reads
 * per call.
 */
const FRESH_MS = 5_000;

export type Use = 'calls' | 'watches' | 'lease';

export interface Access {
  server: string;
  dispatchers: Record<Use, Dispatcher>;
  headers: Record<string, string>;
}

/** Reads credentials by client-node's KubeConfig and keeps a connection pool for them. */
export class Pool {
  readonly #load: () => KubeConfig;
  #config: KubeConfig | undefined;
  #agents: { credentials: string; agents: Record<Use, Agent> } | undefined;
  #access: { access: Access; at: number } | undefined;

  constructor(load: () => KubeConfig) {
    this.#load = load;
  }

  async access(): Promise<Access> {
    if (this.#access && performance.now() - this.#access.at < FRESH_MS) return this.#access.access;
    const config = (this.#config ??= this.#load());
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const access = {
      server: config.getCurrentCluster()!.server,
      dispatchers: this.#dispatchers(options),
      headers: (options.headers ?? {}) as Record<string, string>,
    };
    this.#access = { access, at: performance.now() };
    return access;
  }

  /**
   * Discards cached credentials. Call on 401: the token was rotated, and KubeConfig would notice only within a minute.
   */
  refresh(): void {
    this.#config = undefined;
    this.#access = undefined;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#agents?.agents ?? {}).map((agent) => agent.destroy()));
  }

  #dispatchers(options: RequestOptions): Record<Use, Agent> {
    const { ca, cert, key, rejectUnauthorized } = options as {
      ca?: Buffer;
      cert?: Buffer;
      key?: Buffer;
      rejectUnauthorized?: boolean;
    };
    const credentials = [ca, cert, key].map((part) => part?.toString('base64') ?? '').join('|');
    if (this.#agents?.credentials === credentials) return this.#agents.agents;
    // for a rotated CA or client certificate; running requests are completed
    for (const agent of Object.values(this.#agents?.agents ?? {})) void agent.close();
    const connect = {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      rejectUnauthorized: rejectUnauthorized ?? true,
      timeout: 10_000,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    };
    const agent = (connections: number | null): Agent =>
      new Agent({
        connections,
        allowH2: false,
        keepAliveTimeout: 60_000,
        headersTimeout: 60_000,
        bodyTimeout: 60_000,
        connect,
      });
    const agents = { calls: agent(CONNECTIONS), watches: agent(null), lease: agent(null) };
    this.#agents = { credentials, agents };
    return agents;
  }
}

/** The cluster of a kubeconfig file, or the one this pod runs in. */
export function kubeConfig(file?: string): KubeConfig {
  const config = new KubeConfig();
  if (file) config.loadFromFile(file);
  else config.loadFromCluster();
  return config;
}
