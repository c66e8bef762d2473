import type { Duplex } from 'node:stream';

/**
 * Makes one connection of two: bytes and half-closes pass both ways with backpressure; when one is destroyed before both
 * of its directions have ended, so is the other. Neither may be without an `error` listener.
 */
export function join(left: Duplex, right: Duplex): void {
  left.pipe(right);
  right.pipe(left);
  couple(left, right);
  couple(right, left);
}

function couple(from: Duplex, to: Duplex): void {
  from.on('close', () => {
    // Ended in order: what the other still has to write, it writes.
    if (!from.readableEnded || !from.writableFinished) to.destroy();
  });
}
