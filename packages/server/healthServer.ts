/** The server of a program for the kubelet and Prometheus: health checks and metrics. It needs no key. */
import { ConnectionLimit, fixedCapacity } from './connectionLimit.ts';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

type Problem = string | undefined;

export interface HealthRoutes {
  /**
   * Health checks by path. Undefined means healthy (200); a text is the problem (503). The response waits for a
   * promise.
   */
  checks: Record<string, () => Problem | Promise<Problem>>;
  /** Documents by path, as JSON. */
  documents?: Record<string, () => object>;
  /** The metrics of `/metrics`. */
  registry: Registry;
  /** Called before each scrape, to set gauges. */
  beforeScrape?: () => void;
}

export interface HealthLimits {
  /** Most connections at the same time: the kubelet and Prometheus keep a few each. */
  connections: number;
  keepAliveMs: number;
}

/** The server; the caller calls listen() and close(). */
export function healthServer(
  { checks, documents = {}, registry, beforeScrape }: HealthRoutes,
  { connections, keepAliveMs }: HealthLimits,
): Server {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000, keepAliveTimeout: keepAliveMs },
    (request, response) => {
      const path = (request.url ?? '').split('?', 1)[0]!;
      const [check, document] = [checks[path], documents[path]];
      if (check) void answer(check, response);
      else if (document) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document()));
      } else if (path === '/metrics') {
        beforeScrape?.();
        void registry
          .metrics()
          .then((text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text));
      } else response.writeHead(404).end();
    },
  );
  new ConnectionLimit(fixedCapacity(connections)).guard(server);
  return server;
}

async function answer(check: () => Problem | Promise<Problem>, response: ServerResponse): Promise<void> {
  const problem = await check();
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain' }).end(`${problem ?? 'ok'}\n`);
}
