import type { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';

/** How long a connection is still read after our last word. */
export interface Linger {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'discardMs'>;
}

/**
 * Ends our direction; what the other side still sends is read and dropped, because to close with unread bytes resets the
 * connection and often loses what we said last. After `limits.discardMs` the connection is closed in any case.
 */
export function endAndLinger(socket: Duplex, { clock, limits }: Linger): void {
  if (socket.destroyed) return;
  socket.end();
  socket.resume();
  const timer = clock.schedule(limits.discardMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  // Both directions ended: the descriptor goes at once.
  socket.once('end', () => {
    if (socket.writableFinished) socket.destroy();
    else socket.once('finish', () => socket.destroy());
  });
}
