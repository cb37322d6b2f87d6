/** /healthz, /readyz and /metrics. */
import { ConnectionLimit, fixedCapacity } from '@penstock/contract';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface Health {
  /** Undefined when healthy, else the problem. */
  healthy: () => string | undefined;
  ready: () => string | undefined;
  /** Sets the gauges; called before each scrape. */
  sample: () => void;
}

/** The kubelet and Prometheus keep a few each. */
const MAX_CONNECTIONS = 128;

/** A server for health and metrics; the caller calls listen() and close(). */
export function healthServer({ healthy, ready, sample }: Health, registry: Registry): Server {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 5_000, connectionsCheckingInterval: 1_000, keepAliveTimeout: 5_000 },
    (request, response) => {
      const checks: Record<string, (() => string | undefined) | undefined> = { '/healthz': healthy, '/readyz': ready };
      const check = checks[request.url ?? ''];
      if (check) {
        const problem = check();
        response
          .writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain' })
          .end(`${problem ?? 'ok'}\n`);
      } else if (request.url === '/metrics') {
        sample();
        void registry
          .metrics()
          .then((text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text));
      } else response.writeHead(404).end();
    },
  );
  new ConnectionLimit(fixedCapacity(MAX_CONNECTIONS)).guard(server);
  return server;
}
