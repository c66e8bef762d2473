/** What one read takes at most, in bytes. */
const SLAB_BYTES = 65_536;

/** Slabs kept for later use; 4 MiB at most. */
const MAX_FREE = 64;

const free: Slab[] = [];

/** The slab whose bytes are being delivered; sockets are served one after the other. */
let delivering: Slab | null = null;

/**
 * Memory into which sockets read, used again and again, so that a transfer leaves no garbage behind: V8 lets dead
 * buffers grow to 32 MiB before it looks at them. Writes that the kernel has no room for go on referring to it, and
 * until the last of them is done the socket reads into another.
 */
export class Slab {
  readonly #bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #writes = 0;
  #detached = false;

  static take(): Slab {
    return free.pop() ?? new Slab();
  }

  /** The slab that `bytes` are part of, with one more write that refers to it; `null` for other bytes. */
  static refer(bytes: Uint8Array): Slab | null {
    const slab = delivering;
    if (slab === null || slab.#bytes.buffer !== bytes.buffer) return null;
    slab.#writes++;
    return slab;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** This slab, or another one if writes still refer to this. */
  next(): Slab {
    if (this.#writes === 0) return this;
    this.#detached = true;
    return Slab.take();
  }

  /** Calls `receive` with the first `count` bytes, which were read. */
  deliver(count: number, receive: (bytes: Uint8Array, start: number, end: number) => void): void {
    delivering = this;
    try {
      receive(this.#bytes, 0, count);
    } finally {
      delivering = null;
    }
  }

  /** A write of {@link refer} is done. */
  release(): void {
    this.#writes--;
    this.#giveBack();
  }

  /** No socket reads into this slab any more. */
  detach(): void {
    this.#detached = true;
    this.#giveBack();
  }

  #giveBack(): void {
    if (!this.#detached || this.#writes > 0) return;
    this.#detached = false;
    if (free.length < MAX_FREE) free.push(this);
  }
}
