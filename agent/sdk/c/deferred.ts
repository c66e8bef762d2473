/**
 * Calls of the program, in order. They run after the present call into the script, when nothing of the core is on the
 * stack: so the program may call every function of the library from every callback.
 */
export class Deferred {
  #waiting: (() => void)[] = [];

  /** Runs `call` once the present call is over. */
  run(call: () => void): void {
    this.#waiting.push(call);
    if (this.#waiting.length === 1) void Promise.resolve().then(() => this.#all());
  }

  #all(): void {
    // What these add runs in the same round, so that an order once given is kept.
    for (let next = 0; next < this.#waiting.length; next++) this.#waiting[next]?.();
    this.#waiting = [];
  }
}
