import type { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';

const boundaries = new WeakMap<object, Boundary>();

/** The boundary that contains this emitter. */
export function boundaryOf(emitter: object): Boundary | undefined {
  return boundaries.get(emitter);
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
    const boundary = this;
    boundaries.set(emitter, this);
    emitter.emit = function contained(
      this: EventEmitter,
      ...event: Parameters<EventEmitter['emit']>
    ): boolean {
      try {
        return emit.apply(this, event);
      } catch (error) {
        boundary.crossed(error);
        return true;
      }
    };
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
  return {
    now: () => clock.now(),
    date: () => clock.date(),
    schedule: (delayMs, run) =>
      clock.schedule(delayMs, () => {
        try {
          run();
        } catch (error) {
          failed(error);
        }
      }),
  };
}
