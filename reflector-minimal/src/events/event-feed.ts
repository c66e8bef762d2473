import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { EventSubscription, Events, EventsLost, Happening, ReflectorEvent } from '../ports/events.ts';

/** Passes on what happens. Publishing costs the publisher no more than a few pushes, whatever subscribers do. */
export class EventFeed implements Events {
  readonly #clock: Pick<Clock, 'date'>;
  readonly #limits: Pick<Limits, 'eventsWaiting'>;
  readonly #subscriptions = new Set<Subscription>();
  #sequence = 0;
  #closed = false;

  constructor(clock: Pick<Clock, 'date'>, limits: Pick<Limits, 'eventsWaiting'>) {
    this.#clock = clock;
    this.#limits = limits;
  }

  publish(happening: Happening): void {
    this.#sequence++;
    if (this.#subscriptions.size === 0) return;
    const event = { ...happening, sequence: this.#sequence, time: this.#clock.date() };
    for (const subscription of this.#subscriptions) subscription.push(event);
  }

  subscribe(): EventSubscription {
    const subscription: Subscription = new Subscription(this.#limits.eventsWaiting, () =>
      this.#subscriptions.delete(subscription),
    );
    if (this.#closed) subscription.close();
    else this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Ends all subscriptions, those to come too. */
  close(): void {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription.close();
  }
}

class Subscription implements EventSubscription {
  readonly #most: number;
  readonly #ended: () => void;
  readonly #waiting: ReflectorEvent[] = [];
  #lost = 0;
  #closed = false;
  #wake = () => {};

  constructor(most: number, ended: () => void) {
    this.#most = most;
    this.#ended = ended;
  }

  push(event: ReflectorEvent): void {
    if (this.#waiting.length >= this.#most) {
      this.#waiting.shift();
      this.#lost++;
    }
    this.#waiting.push(event);
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#ended();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReflectorEvent | EventsLost> {
    try {
      while (!this.#closed) {
        const count = this.#lost;
        this.#lost = 0;
        if (count > 0) yield { kind: 'lost', count };
        const event = this.#waiting.shift();
        if (event) yield event;
        else if (this.#lost === 0) await this.#more();
      }
    } finally {
      this.close();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
