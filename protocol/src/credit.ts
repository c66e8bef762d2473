/**
 * Credit of one channel and direction (`webtunnel.md` section 5), in payload bytes. Pure bookkeeping: no frame is
 * sent here.
 */

/** What we may still send. */
export class SendCredit {
  #left: number;
  readonly #most: number;

  /** `most`: what no honest peer grants more than, altogether. */
  constructor(window: number, most: number) {
    this.#left = window;
    this.#most = most;
  }

  get left(): number {
    return this.#left;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }

  /** False when we may now send more than `most`. */
  grant(bytes: number): boolean {
    this.#left += bytes;
    return this.#left <= this.#most;
  }
}

/** What the peer may still send, and what we owe it. */
export class ReceiveCredit {
  readonly #grantBytes: number;
  #left: number;
  #owed = 0;

  /** `grantBytes` are collected before they are granted; half a window unless told otherwise. */
  constructor(window: number, grantBytes = window / 2) {
    this.#grantBytes = grantBytes;
    this.#left = window;
  }

  /** Counts bytes that came in; false when the peer had no credit for them. */
  spend(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /**
   * Counts bytes that the reader has taken. Returns the increment to grant now, or 0: some are collected
   * first, so that grants stay rare beside data.
   */
  taken(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed < this.#grantBytes) return 0;
    const increment = this.#owed;
    this.#owed = 0;
    this.#left += increment;
    return increment;
  }
}
