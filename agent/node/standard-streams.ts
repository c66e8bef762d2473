import { writeSync } from 'node:fs';

/** How long the reader of standard error, which took everything so far, is waited for, in milliseconds. */
const PATIENCE_MS = 2000;

/**
 * Writes all of it, even to a pipe that is full and does not block. False when nothing can be written, or nothing was taken for
 * `patienceMs`.
 */
export function writeAll(stream: 1 | 2, text: string, patienceMs = Number.POSITIVE_INFINITY): boolean {
  const bytes = Buffer.from(text);
  let end = performance.now() + patienceMs;
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(stream, bytes, at);
      end = performance.now() + patienceMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() >= end) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  return true;
}

/** Standard error, which holds the log: a reader that stops costs lines, and does not stop the agent. */
export class StandardError {
  #lost = 0;

  write(text: string): void {
    // Node makes a pipe or socket non-blocking when it makes this stream.
    void process.stderr;
    const patience = this.#lost ? 0 : PATIENCE_MS;
    if (this.#lost) {
      if (!writeAll(2, `${this.#lost} lines were left out\n`, 0)) {
        this.#lost++;
        return;
      }
      this.#lost = 0;
    }
    if (!writeAll(2, text, patience)) this.#lost++;
  }
}
