/** Waiting for events: everything in the suite waits on something that happens, with one limit for all of it. */

/** Factor on every limit of the suite, for executables that run under emulation or a checker. */
export const slow = Number(process.env.RM_SLOW ?? '1');

/**
 * The shortest time-out, in seconds, that is given to an agent to keep: less would make a failure of a busy machine, on which
 * agent, test and what the agent runs may each stand still for seconds.
 */
export const briefly = Math.max(10, Math.ceil(2 * slow));

/**
 * How long an event may take before its scenario fails, in milliseconds. Only what never comes reaches it, so it leaves
 * room for a machine that is busy with much else.
 */
export const patience = 120_000 * slow;

/** Fails with the name of what was waited for once {@link patience} is over. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  detail: () => string = () => '',
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited ${patience / 1000} s for ${what}${detail()}`)),
      patience,
    );
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

interface Taker<T> {
  readonly resolve: (item: T) => void;
  readonly reject: (reason: Error) => void;
}

/** A queue whose reader waits. Once ended, it hands out what it still holds and then fails. */
export class Mailbox<T> {
  readonly #name: string;
  readonly #items: T[] = [];
  readonly #takers: Taker<T>[] = [];
  #end: Error | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** How many items wait to be taken. */
  get length(): number {
    return this.#items.length;
  }

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) taker.resolve(item);
    else this.#items.push(item);
  }

  end(reason: string): void {
    this.#end ??= new Error(`${this.#name}: ${reason}`);
    for (const taker of this.#takers.splice(0)) taker.reject(this.#end);
  }

  /** The next item. */
  next(what = this.#name): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#end) return Promise.reject(this.#end);
    let taker: Taker<T> | undefined;
    const arrival = new Promise<T>((resolve, reject) => {
      taker = { resolve, reject };
      this.#takers.push(taker);
    });
    return within(arrival, what).catch((error: unknown) => {
      const index = taker ? this.#takers.indexOf(taker) : -1;
      if (index >= 0) this.#takers.splice(index, 1);
      throw error;
    });
  }
}
