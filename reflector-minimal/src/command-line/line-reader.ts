import { createInterface } from 'node:readline';

/** Asks on standard output and reads standard input, line by line, whether that is a terminal or a pipe. */
export class LineReader {
  #lines: AsyncIterator<string> | null = null;
  #close: () => void = () => {};

  /** Arrow function, to be handed out. `null` at the end of the input. */
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

  /** Otherwise a terminal would keep the process. */
  close(): void {
    this.#close();
    process.stdin.unref?.();
  }
}
