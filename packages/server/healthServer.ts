/** The server of a program for the kubelet and Prometheus: health checks and metrics. It needs no key. */
import { ConnectionLimit, fixedCapacity } from './connectionLimit.ts';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface HealthRoutes {
  /** Health checks by path. Undefined means healthy (200); a text is the problem (503). */
  checks: Record<string, () => string | undefined>;
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
      if (check) {
        const problem = check();
        response
          .writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain' })
          .end(`${problem ?? 'ok'}\n`);
      } else if (document) {
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
