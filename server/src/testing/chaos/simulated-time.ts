import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';

/** One time for all machines. It moves from event to event; after each, what follows from it in promises and streams happens first. */
export class SimulatedTime {
  readonly #clock = new ManualClock();
  /** Events that are due, in their order. */
  readonly #due: (() => void)[] = [];
  /** How many events have happened. */
  events = 0;

  get now(): number {
    return this.#clock.now();
  }

  /** Runs it after so many ms, unless the returned function was called. */
  after(ms: number, run: () => void): () => void {
    const timer = this.#clock.schedule(Math.max(0, ms), () => this.#due.push(run));
    return () => timer.cancel();
  }

  /** Lets time pass until `end`, or until `done` says so. */
  async pass(end: number, done: () => boolean = () => false): Promise<void> {
    while (this.#clock.now() < end && !done()) {
      try {
        this.#clock.until('something', () => this.#due.length > 0, end - this.#clock.now());
      } catch {
        // Nothing happens until then.
        this.#clock.advance(end - this.#clock.now());
      }
      for (let run = this.#due.shift(); run; run = this.#due.shift()) {
        this.events++;
        run();
        await settled();
      }
    }
  }
}

/** Resolves when nothing but time can make anything happen: streams and promises go on in turns of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
