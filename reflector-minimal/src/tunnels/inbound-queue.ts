/** Small pieces are gathered in blocks of this size. */
const blockBytes = 16384;

/**
 * Payload that a reader has not taken yet. A received piece is a view of the memory of one socket read: a piece of 10 bytes
 * could keep 64 KiB alive. So pieces that are less than half of their memory are copied into shared blocks.
 */
export class InboundQueue {
  readonly #pieces: Buffer[] = [];
  /** The last piece is this block, filled to `#filled`; `null` when it is a piece as received. */
  #block: Buffer | null = null;
  #filled = 0;
  #bytes = 0;

  /** Bytes of payload in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (piece.length * 2 >= piece.buffer.byteLength) {
      this.#seal();
      this.#pieces.push(piece);
      return;
    }
    let from = 0;
    while (from < piece.length) {
      if (!this.#block || this.#filled === this.#block.length) {
        this.#seal();
        this.#block = Buffer.allocUnsafeSlow(Math.max(blockBytes, piece.length - from));
        this.#filled = 0;
      }
      const copied = piece.copy(this.#block, this.#filled, from);
      this.#filled += copied;
      from += copied;
    }
  }

  /** The next piece, or `null`. */
  take(): Buffer | null {
    if (this.#pieces.length === 0) this.#seal();
    const piece = this.#pieces.shift() ?? null;
    if (piece) this.#bytes -= piece.length;
    return piece;
  }

  clear(): void {
    this.#pieces.length = 0;
    this.#block = null;
    this.#bytes = 0;
  }

  #seal(): void {
    if (this.#block && this.#filled > 0) this.#pieces.push(this.#block.subarray(0, this.#filled));
    this.#block = null;
    this.#filled = 0;
  }
}
