import type { Limits } from '../limits.ts';
import { UserQueues } from '../store/user-queues.ts';

/** Milliseconds that the event loop has slept and worked so far. */
export interface LoopUse {
  readonly idle: number;
  readonly active: number;
}

/** The event loop. */
export interface Loop {
  /** Runs a function when what is at hand has been handled, as `setImmediate` does. */
  soon(run: () => void): void;
  /** Runs it after some milliseconds, as `setTimeout` does. */
  later(ms: number, run: () => void): void;
  use(): LoopUse;
}

/** That of this thread. */
export const eventLoop: Loop = {
  soon: (run) => void setImmediate(run),
  later: (ms, run) => void setTimeout(run, ms),
  use: () => performance.eventLoopUtilization(),
};

/**
 * Lets one call after the other begin, and the loop sleep between them for a share of the time that it has worked. So data of a
 * tunnel finds the loop free most of the time, or waits for one call; and the system soon wakes a process that sleeps, while one
 * that never does waits for its turn among the others of the machine.
 *
 * The users of whom calls wait take turns, so that nobody waits for all calls of another.
 */
export class LoopTurns {
  readonly #loop: Loop;
  readonly #limits: Pick<Limits, 'callRest' | 'callRestMs'>;
  readonly #waiting = new UserQueues<() => void>();
  #scheduled = false;
  /** What the loop had done when the last call began. */
  #before: LoopUse = { idle: 0, active: 0 };

  constructor(loop: Loop, limits: Pick<Limits, 'callRest' | 'callRestMs'>) {
    this.#loop = loop;
    this.#limits = limits;
  }

  /** Resolves when it is the turn of a call of this user; their own calls keep their order. */
  next(user: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(user, resolve);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#loop.soon(() => this.#turn());
  }

  #turn(): void {
    const now = this.#loop.use();
    const wait = this.#rest(now);
    if (wait > 0) {
      this.#loop.later(wait, () => this.#turn());
      return;
    }
    this.#scheduled = false;
    this.#before = now;
    this.#waiting.next()?.();
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Milliseconds that the loop is to sleep still; at most until `callRestMs` after the last call began. */
  #rest({ idle, active }: LoopUse): number {
    const [slept, worked] = [idle - this.#before.idle, active - this.#before.active];
    return Math.min(worked * this.#limits.callRest - slept, this.#limits.callRestMs - slept - worked);
  }
}
