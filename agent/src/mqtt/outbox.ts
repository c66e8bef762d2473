import type { Message } from './codec.ts';

interface Entry {
  readonly message: Message;
  /** The packet identifier, once it was sent. */
  id: number | null;
  /** It was sent over an earlier connection of the same session. */
  again: boolean;
  readonly taken: (() => void)[];
}

/**
 * Publications of QoS 1 until the broker has acknowledged them, in their order. What waits for its turn gives way to a newer
 * message of its topic, because each topic has the latest state of something; so there are at most two for each.
 */
export class Outbox {
  #entries: Entry[] = [];
  #lastId = 0;

  /** Those that wait, sent ones included. */
  get length(): number {
    return this.#entries.length;
  }

  /** `taken` is called when the broker has acknowledged it, or a newer message in its place. */
  put(message: Message, taken: () => void = () => undefined): void {
    const waiting = this.#entries.find((entry) => entry.id === null && entry.message.topic === message.topic);
    if (waiting) this.#entries = this.#entries.filter((entry) => entry !== waiting);
    this.#entries.push({ message, id: null, again: false, taken: [...(waiting?.taken ?? []), taken] });
  }

  /** What is to be sent now, while fewer than `window` are under way. */
  next(window: number): { readonly message: Message; readonly id: number; readonly again: boolean }[] {
    const due = [];
    let underWay = 0;
    for (const entry of this.#entries) {
      if (entry.id === null || entry.again) {
        if (underWay >= window) break;
        const { message, again } = entry;
        const id = entry.id ?? this.#freeId();
        entry.id = id;
        entry.again = false;
        due.push({ message, id, again });
      }
      underWay++;
    }
    return due;
  }

  /** The broker has it; false when nothing with this identifier is under way. */
  acknowledged(id: number): boolean {
    const entry = this.#entries.find((one) => one.id === id);
    if (!entry) return false;
    this.#entries = this.#entries.filter((one) => one !== entry);
    for (const taken of entry.taken) taken();
    return true;
  }

  /**
   * There is a new connection. What was under way is sent once more: in the session that goes on with the same identifiers
   * (MQTT 5 section 4.4), else as new.
   */
  reconnected(sessionPresent: boolean): void {
    for (const entry of this.#entries) {
      if (entry.id === null) continue;
      entry.again = sessionPresent;
      if (!sessionPresent) entry.id = null;
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#entries = [];
  }

  #freeId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1;
    while (this.#entries.some(({ id }) => id === this.#lastId));
    return this.#lastId;
  }
}
