/** Counts bytes that several owners buffer together, against one limit. */
export class ByteBudget {
  readonly #limit: number;
  #bytes = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get exceeded(): boolean {
    return this.#bytes > this.#limit;
  }

  add(difference: number): void {
    this.#bytes += difference;
  }
}
