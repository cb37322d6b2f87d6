/**
 * Connections without a request: browsers open them in advance, and clients keep the connection of a cancelled request.
 */
import { responseInProgress } from '@penstock/server/nodeInternals';
import type { Socket } from 'node:net';

/**
 * Closes a connection on which no complete request head arrived within `ms`, without a 408: a client might read it as
 * the response to a request that it just sent.
 */
export function closeIfIdle(socket: Socket, ms: number): void {
  const hasRequest = (): boolean => socket.bytesWritten > 0 || responseInProgress(socket) !== undefined;
  const timer = setTimeout(() => hasRequest() || socket.destroy(), ms).unref();
  socket.once('close', () => clearTimeout(timer));
}
