import type { AgentEvents as CoreEvents } from '../src/agent/events.ts';

/** The events of an agent; times in milliseconds. */
export interface AgentEvents extends CoreEvents {
  /**
   * A function of the application has failed: a `handler` or a check of access, which costs one connection, or a
   * `listener` of an event. Without a listener for it the log has it.
   */
  error: {
    readonly error: unknown;
    readonly source: 'handler' | 'access' | 'listener';
    /** The forwarded port, or `null` for a listener. */
    readonly port: number | null;
  };
}

export type EventName = keyof AgentEvents;

/** An event with its name, as `Agent.events` hands it out. */
export type NamedEvent<Name extends EventName = EventName> = {
  [Key in Name]: { readonly type: Key } & AgentEvents[Key];
}[Name];

/** So many events were dropped, because they came more quickly than they were taken. */
export interface LostEvents {
  readonly type: 'lost';
  readonly count: number;
}

/** The most events that wait for a loop that takes them. */
export const queuedEvents = 1024;

/**
 * The events of one `for await` loop, from the call on. At most {@link queuedEvents} wait; the oldest are dropped beyond
 * that, and the loop gets a `lost` in their place.
 */
export class EventQueue<Name extends EventName>
  implements AsyncIterableIterator<NamedEvent<Name> | LostEvents>
{
  readonly #waiting: NamedEvent<Name>[] = [];
  readonly #takers: {
    readonly resolve: (result: IteratorResult<NamedEvent<Name> | LostEvents, undefined>) => void;
    readonly reject: (reason: unknown) => void;
  }[] = [];
  readonly #detach: () => void;
  #lost = 0;
  #ended = false;
  #failure: { readonly reason: unknown } | null = null;

  /** `detach` is called once, when the loop has ended. */
  constructor(detach: () => void) {
    this.#detach = detach;
  }

  push(event: NamedEvent<Name>): void {
    if (this.#ended) return;
    const taker = this.#takers.shift();
    if (taker) {
      taker.resolve({ done: false, value: event });
      return;
    }
    this.#waiting.push(event);
    if (this.#waiting.length > queuedEvents) {
      this.#waiting.shift();
      this.#lost++;
    }
  }

  /** Ends the loop with an exception, after which it has nothing more. */
  abort(reason: unknown): void {
    if (this.#ended) return;
    const [first, ...others] = this.#takers.splice(0);
    this.#end();
    if (first) first.reject(reason);
    else this.#failure = { reason };
    for (const taker of others) taker.resolve({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<NamedEvent<Name> | LostEvents, undefined>> {
    if (this.#failure) {
      const { reason } = this.#failure;
      this.#failure = null;
      return Promise.reject(reason);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    if (this.#lost > 0) {
      const count = this.#lost;
      this.#lost = 0;
      return Promise.resolve({ done: false, value: { type: 'lost', count } });
    }
    const event = this.#waiting.shift();
    if (event) return Promise.resolve({ done: false, value: event });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<NamedEvent<Name> | LostEvents, undefined>> {
    const takers = this.#takers.splice(0);
    if (!this.#ended) this.#end();
    for (const taker of takers) taker.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#ended = true;
    this.#waiting.length = 0;
    this.#detach();
  }
}
