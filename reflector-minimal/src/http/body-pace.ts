import type { IncomingMessage } from 'node:http';
import type { Cancellable, Clock } from 'rm-protocol';

/**
 * Bounds how slowly a request's body may arrive: at least one byte within each `idleMs` in which we wanted to read. The
 * whole body may take any time, and time in which the device takes nothing does not count.
 */
export class BodyPace {
  readonly #request: IncomingMessage;
  readonly #stalled: () => void;
  readonly #schedule: () => Cancellable;
  #timer: Cancellable;
  #bytes: number;

  constructor(request: IncomingMessage, clock: Clock, idleMs: number, stalled: () => void) {
    this.#request = request;
    this.#stalled = stalled;
    this.#bytes = request.socket.bytesRead;
    this.#schedule = () => clock.schedule(idleMs, () => this.#check());
    this.#timer = this.#schedule();
    // Kept, because a request loses its socket when the connection ends.
    const { socket } = request;
    const stop = () => {
      this.#timer.cancel();
      socket.off('close', stop);
    };
    request.once('end', stop).once('close', stop);
    // Node does not always close a request that has been answered, but its connection always ends.
    socket.once('close', stop);
  }

  #check(): void {
    const { socket, complete, readableFlowing, readableLength } = this.#request;
    const bytes = socket.bytesRead;
    const reading = readableFlowing === true || this.#request.listenerCount('readable') > 0;
    const waiting = reading && readableLength === 0 && !complete;
    const moved = bytes !== this.#bytes;
    this.#bytes = bytes;
    if (waiting && !moved) this.#stalled();
    else this.#timer = this.#schedule();
  }
}
