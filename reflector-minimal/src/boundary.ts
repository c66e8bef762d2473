import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import type { Cancellable, Clock } from 'rm-protocol';

type Emit = EventEmitter['emit'];

const { emit: plainEmit } = EventEmitter.prototype;

/** Of each contained `emit`. Not of each emitter: every request is one, and entries cost the garbage collector much. */
const boundaries = new WeakMap<Emit, Boundary>();

/** The boundary that contains this emitter. */
export function boundaryOf(emitter: EventEmitter): Boundary | undefined {
  return boundaries.get(emitter.emit);
}

/**
 * Keeps what one exchange throws (a request, an upgrade, a tunnel) within that exchange. Node calls listeners and timers
 * from its event loop, where an exception ends the process. Here it ends the exchange instead, and is reported once.
 *
 * Emitters are contained where they come into being, so every listener is covered, including those of libraries and of
 * Node itself.
 */
export class Boundary {
  readonly #end: () => void;
  readonly #report: (error: unknown) => void;
  #crossed = false;
  /** Shared by the emitters of this boundary that are in no other. */
  #contained: Emit | null = null;

  /** `end` closes the exchange; it is called at most once and must not throw. `report` is for the log. */
  constructor(end: () => void, report: (error: unknown) => void) {
    this.#end = end;
    this.#report = report;
  }

  /** An error that belongs to this exchange. Only the first one is reported: the rest follows from it. */
  crossed(error: unknown): void {
    if (this.#crossed) return;
    this.#crossed = true;
    this.#report(error);
    this.#end();
  }

  run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.crossed(error);
    }
  }

  /** Contains every listener of `emitter`, and an `error` event that nobody listens for. */
  contain(emitter: EventEmitter): void {
    const { emit } = emitter;
    if (emit === plainEmit) {
      this.#contained ??= this.#containing(emit);
      emitter.emit = this.#contained;
    } else emitter.emit = this.#containing(emit);
  }

  #containing(emit: Emit): Emit {
    const boundary = this;
    const contained = function contained(this: EventEmitter, ...event: Parameters<Emit>): boolean {
      try {
        return emit.apply(this, event);
      } catch (error) {
        boundary.crossed(error);
        return true;
      }
    };
    boundaries.set(contained, this);
    return contained;
  }

  /** The same clock, whose timers are contained. */
  clock(clock: Clock): Clock {
    return containTimers(clock, (error) => this.crossed(error));
  }
}

/** Contains what listeners of a server itself throw: it costs the connection that the event is about. */
export function containServer(server: EventEmitter, failed: (error: unknown) => void): void {
  const { emit } = server;
  server.emit = function contained(this: EventEmitter, ...event: Parameters<EventEmitter['emit']>): boolean {
    try {
      return emit.apply(this, event);
    } catch (error) {
      failed(error);
      for (const about of event) if (about instanceof Duplex) about.destroy();
      return true;
    }
  };
}

/** The same clock; what a timer throws is reported, and costs nothing else. */
export function containTimers(clock: Clock, failed: (error: unknown) => void): Clock {
  return new ContainedClock(clock, failed);
}

/** Each tunnel has one: as an object with methods of its own it would be four times as large. */
class ContainedClock implements Clock {
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;

  constructor(clock: Clock, failed: (error: unknown) => void) {
    this.#clock = clock;
    this.#failed = failed;
  }

  now(): number {
    return this.#clock.now();
  }

  date(): number {
    return this.#clock.date();
  }

  schedule(delayMs: number, run: () => void): Cancellable {
    return this.#clock.schedule(delayMs, () => {
      try {
        run();
      } catch (error) {
        this.#failed(error);
      }
    });
  }
}
