import type { Cancellable, Clock } from '../host.ts';

/** At most one pending timer: setting it anew replaces it. */
export class Deadline {
  readonly #clock: Clock;
  #timer: Cancellable | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(delayMs: number, run: () => void): void {
    this.clear();
    this.#timer = this.#clock.schedule(Math.max(0, Math.ceil(delayMs)), () => {
      this.#timer = null;
      run();
    });
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
