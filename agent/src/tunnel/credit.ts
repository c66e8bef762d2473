/**
 * Credit of one channel and direction (`webtunnel.md` section 5), in payload bytes. Pure bookkeeping: no frame is
 * sent here.
 */

/** What we may still send. */
export class SendCredit {
  #left: number;

  constructor(window: number) {
    this.#left = window;
  }

  get left(): number {
    return this.#left;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }

  /** Returns false when the peer grants more than a u32 can count, which no honest peer does. */
  grant(bytes: number): boolean {
    this.#left += bytes;
    return this.#left <= 0xffffffff;
  }
}

/** What the peer may still send, and what we owe it. */
export class ReceiveCredit {
  readonly #window: number;
  #left: number;
  #owed = 0;

  constructor(window: number) {
    this.#window = window;
    this.#left = window;
  }

  /** Counts bytes that came in; false when the peer had no credit for them. */
  spend(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Counts bytes that the local socket has taken. Returns the increment to grant now, or 0: half a window is
   * collected first, so that grants stay rare beside data.
   */
  taken(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#window) return 0;
    const increment = this.#owed;
    this.#owed = 0;
    this.#left += increment;
    return increment;
  }
}
