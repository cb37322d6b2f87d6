/**
 * Joins two ends: `forward.ts LISTEN CONNECT`, each `tcp:PORT` on loopback or `unix:PATH`. Two of them around one
 * unix socket carry the API server's port out of the engine's network namespace, since a socket file crosses it.
 */
import { createConnection, createServer, type NetConnectOpts, type ListenOptions } from 'node:net';
import { rmSync } from 'node:fs';

function end(text: string): NetConnectOpts & ListenOptions {
  const at = text.indexOf(':');
  const rest = text.slice(at + 1);
  return text.startsWith('unix:') ? { path: rest } : { host: '127.0.0.1', port: Number(rest) };
}

const [listen, connect] = process.argv.slice(2).map(end);
if (!listen || !connect) throw new Error('usage: forward.ts LISTEN CONNECT');
if ('path' in listen && listen.path !== undefined) rmSync(listen.path, { force: true });
createServer({ allowHalfOpen: true }, (near) => {
  const far = createConnection({ ...connect, allowHalfOpen: true } as NetConnectOpts);
  near.pipe(far).pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
}).listen(listen);
