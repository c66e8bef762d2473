import type { Duplex } from 'node:stream';

/**
 * Ends our direction; what the other side still sends is read and dropped, because to close with unread bytes resets the
 * connection and often loses what we said last. After `ms` the connection is closed in any case.
 */
export function endAndLinger(socket: Duplex, ms: number): void {
  if (socket.destroyed) return;
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), ms);
  socket.once('close', () => clearTimeout(timer));
  // Both directions ended: the descriptor goes at once.
  socket.once('end', () => {
    if (socket.writableFinished) socket.destroy();
    else socket.once('finish', () => socket.destroy());
  });
}
