import type { Duplex } from 'node:stream';

/**
 * Ends a connection so that the other side does not take what it has got for the whole: by a reset, or in TLS without
 * `close_notify`, which the other side reports as a truncated stream.
 */
export function breakOff(socket: Duplex): void {
  const encrypted = 'encrypted' in socket && socket.encrypted === true;
  if (!encrypted && 'resetAndDestroy' in socket && typeof socket.resetAndDestroy === 'function') {
    socket.resetAndDestroy();
  } else {
    socket.destroy();
  }
}
