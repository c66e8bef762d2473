import { createInterface } from 'node:readline/promises';

/** The display of a device, with two buttons: a terminal stands for it. */
export class Display {
  /** Resolves at Ctrl-C, and when the input ends. */
  readonly closed: Promise<void>;
  readonly #terminal;

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#terminal = createInterface({ input, output });
    this.closed = new Promise((resolve) => this.#terminal.once('close', resolve));
  }

  /** What the person answers. Rejects when `signal` is aborted: nobody waits for the answer any more. */
  async confirm(question: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#terminal.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  }

  close(): void {
    this.#terminal.close();
  }
}
