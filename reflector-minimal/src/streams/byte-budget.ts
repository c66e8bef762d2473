/** Bytes that all tunnels together hold for readers who have not taken them. */
export class ByteBudget {
  readonly #limit: number;
  #bytes = 0;

  /** `limit`: `limits.heldBytes`. */
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
