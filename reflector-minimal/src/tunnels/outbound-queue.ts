/** Bytes that wait for their frame; pieces are cut, never copied. */
export class OutboundQueue {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Removes the first `count` bytes (at most {@link bytes}) and gives them as views. */
  take(count: number): Buffer[] {
    const taken: Buffer[] = [];
    this.#bytes -= count;
    while (count > 0) {
      const piece = this.#pieces[0];
      if (!piece) throw new RangeError('more bytes taken than queued');
      if (piece.length <= count) {
        this.#pieces.shift();
        taken.push(piece);
        count -= piece.length;
      } else {
        taken.push(piece.subarray(0, count));
        this.#pieces[0] = piece.subarray(count);
        count = 0;
      }
    }
    return taken;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#bytes = 0;
  }
}
