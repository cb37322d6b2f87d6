/** Connections that are there before their first request: browsers open them ahead, and clients keep that of a request they called off. */
import type { Socket } from 'node:net';

/** Ends a connection without a word unless somebody has asked something on it when `ms` are over. Half a head by then is nothing yet: an idle connection costs little, and must not be kept by bytes that never become a request. */
export function closeIfIdle(socket: Socket, ms: number): void {
  const hasRequest = (): boolean =>
    socket.bytesWritten > 0 || Boolean((socket as { _httpMessage?: unknown })._httpMessage);
  const timer = setTimeout(() => hasRequest() || socket.destroy(), ms).unref();
  socket.once('close', () => clearTimeout(timer));
}
