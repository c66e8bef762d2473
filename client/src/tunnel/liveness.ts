import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';

export interface LivenessOptions {
  readonly clock: Clock;
  /** Milliseconds of silence after which a PING is sent. */
  readonly silentMs: number;
  readonly limits: Pick<Limits, 'pongMs' | 'provenBytes'>;
  readonly ping: () => void;
  /** The PING was not answered. */
  readonly dead: () => void;
}

/**
 * Checks that the reflector is alive. The reflector stops reading while the device takes no data, and a PING waits behind
 * that data. So only a PING with little data before it has a deadline. While we do not read, there is no deadline either.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #seen: number;
  /** Bytes sent that no PONG has acknowledged. */
  #sent = 0;
  /** Those sent before the last PING. */
  #sentBefore = 0;
  #pinged = false;
  #pingedAt = 0;
  #paused = false;
  #stopped = false;
  #timer: Cancellable | null = null;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#seen = options.clock.now();
    this.#await(options.silentMs);
  }

  /** Bytes have arrived. */
  seen(): void {
    this.#seen = this.#options.clock.now();
    this.#pinged = false;
  }

  sent(bytes: number): void {
    this.#sent += bytes;
  }

  /** The reflector has read everything up to our last PING. */
  ponged(): void {
    this.#sent -= this.#sentBefore;
    this.#sentBefore = 0;
  }

  /** We stop or resume reading. */
  set paused(paused: boolean) {
    this.#paused = paused;
    this.seen();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #await(ms: number): void {
    this.#timer?.cancel();
    if (!this.#stopped) this.#timer = this.#options.clock.schedule(ms, () => this.#check());
  }

  #check(): void {
    const { clock, silentMs, limits, ping, dead } = this.#options;
    const silent = clock.now() - this.#seen;
    const unanswered = clock.now() - this.#pingedAt;
    if (this.#paused || silent < silentMs) {
      this.#await(this.#paused ? silentMs : silentMs - silent);
    } else if (!this.#pinged) {
      this.#pinged = true;
      this.#pingedAt = clock.now();
      this.#sentBefore = this.#sent;
      ping();
      // The next silence may end before the PONG is overdue.
      this.#await(Math.min(silentMs, limits.pongMs));
    } else if (this.#sentBefore > limits.provenBytes) {
      this.#await(silentMs);
    } else if (unanswered < limits.pongMs) {
      this.#await(limits.pongMs - unanswered);
    } else {
      this.stop();
      dead();
    }
  }
}
