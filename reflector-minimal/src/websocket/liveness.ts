import type { Cancellable, Clock } from 'rm-protocol';

/**
 * Notices a tunnel whose other end is gone. It has one timer that is armed again only when it fires, so traffic costs nothing.
 *
 * A peer with the extension gets a PING after `quietMs` of silence and has `pongMs` to answer. An original agent answers
 * no PINGs and stops sending its own when it receives them (`webtunnel.md` section 3). So it gets none, and `quietMs` alone
 * decides.
 */
export class Liveness {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #probe: { ping: () => void; pongMs: number } | null;
  readonly #dead: () => void;
  #last: number;
  #probed = false;
  #timer: Cancellable;

  constructor(
    clock: Clock,
    quietMs: number,
    probe: { ping: () => void; pongMs: number } | null,
    dead: () => void,
  ) {
    this.#clock = clock;
    this.#quietMs = quietMs;
    this.#probe = probe;
    this.#dead = dead;
    this.#last = clock.now();
    this.#timer = clock.schedule(quietMs, () => this.#check());
  }

  /** A sign of life. */
  seen(): void {
    this.#last = this.#clock.now();
    this.#probed = false;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #check(): void {
    const silent = this.#clock.now() - this.#last;
    if (silent < this.#quietMs) {
      this.#arm(this.#quietMs - silent);
    } else if (this.#probe && !this.#probed) {
      this.#probed = true;
      this.#probe.ping();
      this.#arm(this.#probe.pongMs);
    } else {
      this.#dead();
    }
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.schedule(Math.ceil(delayMs), () => this.#check());
  }
}
