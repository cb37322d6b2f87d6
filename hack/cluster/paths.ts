/** Where the harness keeps things: built things outside the checkout, running things under /run. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');
export const here = import.meta.dirname;
export const cache =
  process.env.PENSTOCK_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'penstock');
export const run = process.env.PENSTOCK_RUN ?? (process.getuid?.() === 0 ? '/run/penstock' : join(cache, 'run'));
export const KUBERNETES_VERSION = 'v1.37.2';
/** The first one that kubeVersion of the chart allows. */
export const OLDEST_KUBERNETES = 'v1.31.0';
export const CLUSTER_NAME = 'penstock';
export const METRICS_SERVER = 'penstock/metrics-server:v0.9.0';

/** First eight hex digits of the SHA-256 of these files' bytes: the key under which a built thing is cached. */
export function keyOf(...files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 8);
}

export const toolsDir = join(
  cache,
  `tools-${keyOf(join(here, 'go.mod'), join(here, 'go.sum'), join(here, 'node-image', 'pause', 'main.go'))}`,
);
