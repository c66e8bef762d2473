import { createInterface } from 'node:readline';

/** Prints questions and reads answers from standard input, a terminal or a pipe. */
export class LineReader {
  #lines: AsyncIterator<string> | null = null;
  #close: () => void = () => {};

  /** Bound to this object. Resolves to `null` at the end of the input. */
  readonly ask = async (question: string): Promise<string | null> => {
    process.stdout.write(question);
    if (!this.#lines) {
      const reader = createInterface({ input: process.stdin, terminal: false });
      this.#close = () => reader.close();
      this.#lines = reader[Symbol.asyncIterator]();
    }
    const { done, value } = await this.#lines.next();
    return done ? null : value.trim();
  };

  /** Without this call, a terminal keeps the process alive. */
  close(): void {
    this.#close();
    process.stdin.unref?.();
  }
}
