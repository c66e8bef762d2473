import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import type { Store } from '../store/store.ts';

/** Something that goes on because somebody was let in: a tunnel, a response, a connection. */
interface Grant {
  /** Why it is not to go on, for a person; `null` while it may. */
  revoked(): string | null;
  end(reason: string): void;
}

/**
 * Ends what is live when what let it in has ended: an account, its password, a session, a token, the sight of a device;
 * by this process or by the command line in another one. The store is asked for its version every `limits.storePollMs`,
 * and only while something is live: SQLite answers from shared memory, nothing listens for it, and a change made by any
 * tool counts. What ends by time alone is looked at every `limits.sessionTouchMs`.
 */
export class LiveAccess {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #grants = new Set<Grant>();
  #version: string;
  #checked: number;
  #cancelPoll: (() => void) | null = null;

  constructor(store: Store, clock: Clock, limits: Limits) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#version = store.version();
    this.#checked = clock.now();
  }

  /** `end` is called at most once, unless the returned function was called before. */
  add(grant: Grant): () => void {
    // The version from before the grant was decided: a change since then is looked at.
    this.#grants.add(grant);
    this.#cancelPoll ??= this.#schedule();
    return () => {
      this.#grants.delete(grant);
      if (this.#grants.size === 0) this.stop();
    };
  }

  /** Looks at once, after a change by this process: nobody who was just logged out goes on until the next poll. */
  check(): void {
    const version = this.#store.version();
    const now = this.#clock.now();
    if (version === this.#version && now - this.#checked < this.#limits.sessionTouchMs) return;
    this.#version = version;
    this.#checked = now;
    for (const grant of [...this.#grants]) {
      const reason = grant.revoked();
      if (reason === null) continue;
      this.#grants.delete(grant);
      grant.end(reason);
    }
  }

  stop(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = null;
  }

  #schedule(): () => void {
    return this.#clock.schedule(this.#limits.storePollMs, () => {
      this.#cancelPoll = null;
      this.check();
      if (this.#grants.size > 0) this.#cancelPoll ??= this.#schedule();
    });
  }
}
