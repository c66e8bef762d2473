import { limits } from '../limits.ts';
import type { PageReturns } from './page-returns.ts';

export interface LinkWatchOptions {
  /** Asks the server for a sign of life. */
  ask(): void;
  /** Called once: the server has not answered in time. */
  lost(): void;
  readonly returns: PageReturns;
}

/**
 * Notices that the server cannot be reached any more. A browser shows its scripts no PINGs, and TCP takes a quarter of an hour. While
 * the server sends anything, it is asked nothing.
 */
export class LinkWatch {
  readonly #options: LinkWatchOptions;
  readonly #leave: () => void;
  #last = Date.now();
  /** When it is lost; `null`: the server has not been asked. */
  #deadline: number | null = null;
  /** When the timer was to run. */
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LinkWatchOptions) {
    this.#options = options;
    this.#arm(limits.quietMs);
    this.#leave = options.returns(() => this.#ask(limits.returnedMs));
  }

  /** The server has sent something. */
  seen(): void {
    this.#last = Date.now();
    if (this.#deadline === null) return;
    this.#deadline = null;
    this.#arm(limits.quietMs);
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#leave();
  }

  #check(): void {
    const now = Date.now();
    const sleptMs = now - this.#due;
    if (this.#deadline === null) {
      const left = this.#last + limits.quietMs - now;
      if (left > 0) this.#arm(left);
      else this.#ask(limits.answerMs);
    } else if (sleptMs >= limits.returnedMs) {
      // The page itself stood still. What has come meanwhile is read after this.
      this.#deadline = null;
      this.#ask(limits.returnedMs);
    } else if (now < this.#deadline) {
      this.#arm(this.#deadline - now);
    } else {
      this.stop();
      this.#options.lost();
    }
  }

  /** The answer has to be there in `withinMs`. */
  #ask(withinMs: number): void {
    const deadline = Date.now() + withinMs;
    if (this.#deadline !== null && this.#deadline <= deadline) return;
    this.#deadline = deadline;
    this.#arm(withinMs);
    this.#options.ask();
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#due = Date.now() + delayMs;
    this.#timer = setTimeout(() => this.#check(), delayMs);
  }
}
