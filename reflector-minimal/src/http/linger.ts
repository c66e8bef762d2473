import type { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';

/** How long a connection is still read after we have sent everything. */
export interface Linger {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'discardMs'>;
}

/**
 * Ends our direction, then reads and drops what the peer still sends: closing with unread bytes resets the connection and
 * often loses the end of our response. After `limits.discardMs` the connection is closed in any case.
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
