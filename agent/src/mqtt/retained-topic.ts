import { Deadline } from '../dial/deadline.ts';
import type { Clock } from '../host.ts';
import type { Message } from './codec.ts';

/** For how long a foreign message must be the last of the topic before it is replaced, in milliseconds, at first and at most. */
const CORRECT_MS = 1000;
const MAX_CORRECT_MS = 60_000;

/** Texts of ours that may still come back. */
const RECENT = 8;

/**
 * A topic whose retained message is ours alone. What another has put there, most of all the broker with the will of a
 * connection that has ended, is replaced. With two agents on one topic, each correction waits longer than the one before.
 */
export class RetainedTopic {
  readonly topic: string;
  readonly #deadline: Deadline;
  readonly #render: () => string;
  readonly #publish: (message: Message) => void;
  #recent: string[] = [];
  #waitMs = CORRECT_MS;

  /** `render` gives the message as it is now. */
  constructor(clock: Clock, topic: string, render: () => string, publish: (message: Message) => void) {
    this.#deadline = new Deadline(clock);
    this.topic = topic;
    this.#render = render;
    this.#publish = publish;
  }

  /** Publishes the message anew. */
  update(): void {
    const payload = this.#render();
    this.#recent = [...this.#recent.slice(1 - RECENT), payload];
    this.#publish({ topic: this.topic, payload, retain: true });
  }

  /** The broker has delivered this. */
  received(payload: string): void {
    if (payload === this.#recent.at(-1)) this.#deadline.clear();
    else if (!this.#recent.includes(payload))
      this.#deadline.set(this.#waitMs, () => {
        this.#waitMs = Math.min(2 * this.#waitMs, MAX_CORRECT_MS);
        this.update();
      });
  }

  /** There is a new connection. */
  reconnected(): void {
    this.#waitMs = CORRECT_MS;
    this.update();
  }

  /** There is no connection. */
  lost(): void {
    this.#deadline.clear();
  }
}
