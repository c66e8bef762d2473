import type { Cancellable, Clock } from '../clock.ts';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Of what is tested, not of its simulated environment. */
  readonly timer: boolean;
  cancelled: boolean;
}

const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

/** A clock that moves only when a test says so, and with it the simulated environment. */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];
  #pending = 0;
  /** Events that ran at the present time. */
  #standing = 0;
  /** Called after each event: for what must hold at any time. */
  observer: () => void = () => undefined;
  /** What `date()` is ahead of `now()`. */
  wallOffset = Date.UTC(2026, 0, 1);

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  date(): number {
    return this.wallOffset + this.#now;
  }

  /** Timers that are set and have neither run nor been cancelled. */
  get pending(): number {
    return this.#pending;
  }

  schedule(delayMs: number, run: () => void): Cancellable {
    if (!(delayMs >= 0 && delayMs <= 0x7fffffff)) throw new Error(`delay of ${delayMs} ms`);
    this.#pending++;
    const event = this.#add(
      delayMs,
      () => {
        this.#pending--;
        run();
      },
      true,
    );
    return {
      cancel: () => {
        if (event.cancelled) return;
        event.cancelled = true;
        this.#pending--;
      },
    };
  }

  /** An act of the environment, which is no pending timer. */
  defer(delayMs: number, run: () => void): void {
    this.#add(delayMs, run);
  }

  /** Lets this much time pass, with all that happens in it. */
  advance(ms: number): void {
    const until = this.#now + ms;
    while (this.#step(until));
    this.#now = until;
  }

  /** Lets time pass until `done` says so; throws when it does not within `limitMs`. Returns the time it took. */
  until(what: string, done: () => boolean, limitMs = 10_000_000): number {
    const start = this.#now;
    while (!done()) {
      if (!this.#step(start + limitMs)) throw new Error(`not within ${limitMs} ms: ${what}`);
    }
    return this.#now - start;
  }

  /**
   * The process stands still for this long, or the machine sleeps. Then everything is late, and the timers come first,
   * as they do on Node: what has arrived meanwhile is not read before they have run.
   */
  suspend(ms: number): void {
    this.#now += ms;
    const late = this.#heap.filter(({ timer, at }) => timer && at <= this.#now);
    for (const event of late.sort((a, b) => a.at - b.at || a.order - b.order)) {
      if (event.cancelled) continue;
      event.cancelled = true;
      event.run();
      this.observer();
    }
  }

  /** Runs the next event, if there is one until then. */
  #step(until: number): boolean {
    for (let next = this.#heap[0]; next && next.at <= until; next = this.#heap[0]) {
      this.#take();
      if (next.cancelled) continue;
      next.cancelled = true;
      this.#standing = next.at > this.#now ? 0 : this.#standing + 1;
      if (this.#standing > 1_000_000) throw new Error(`events without end at ${this.#now} ms: ${next.run}`);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      this.observer();
      return true;
    }
    return false;
  }

  #add(delayMs: number, run: () => void, timer = false): Event {
    const event = { at: this.#now + delayMs, order: this.#order++, run, timer, cancelled: false };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (!parent || before(parent, event)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
    return event;
  }

  #take(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (!left) break;
      if (right && before(right, left)) child++;
      const least = heap[child];
      if (!least || before(last, least)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
  }
}
