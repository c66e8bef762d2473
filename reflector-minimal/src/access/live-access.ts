import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import { type Store, StoreUnavailable } from '../store/store.ts';

/** Something that goes on because somebody was let in: a tunnel, a response, a connection. */
interface Grant {
  /** Whom it was granted to. A device's depends on devices alone and does not end by time. */
  readonly kind: 'user' | 'device';
  /** Why it is not to go on, for a person; `null` while it may. */
  revoked(): string | null;
  end(reason: string): void;
}

/** Grants of one kind, and what was last looked at. */
interface Watched {
  readonly grants: Set<Grant>;
  version: string;
  /** Monotonic ms. */
  checked: number;
}

/**
 * Ends what is live when what let it in has ended: an account, its password, a session, a token, the sight of a device;
 * by this process or by the command line in another one. The store is asked for its version every `limits.storePollMs`,
 * and only while something is live: SQLite answers from shared memory, nothing listens for it, and a change made by any
 * tool counts. What ends by time alone is looked at every `limits.sessionTouchMs`. Ten thousand devices are not looked
 * at because a user has logged out.
 */
export class LiveAccess {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #watched: Readonly<Record<Grant['kind'], Watched>>;
  #cancelPoll: (() => void) | null = null;

  constructor(store: Store, clock: Clock, limits: Limits) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    const watch = (kind: Grant['kind']): Watched => ({
      grants: new Set(),
      version: store.version(kind),
      checked: clock.now(),
    });
    this.#watched = { user: watch('user'), device: watch('device') };
  }

  /** `end` is called at most once, unless the returned function was called before. */
  add(grant: Grant): () => void {
    // The version from before the grant was decided: a change since then is looked at.
    this.#watched[grant.kind].grants.add(grant);
    this.#cancelPoll ??= this.#schedule();
    return () => {
      this.#watched[grant.kind].grants.delete(grant);
      if (this.#idle) this.stop();
    };
  }

  /**
   * Looks at once, after a change by this process: nobody who was just logged out goes on until the next poll. While the
   * data file cannot be used nothing can be told: what is live goes on, and is looked at again with the next poll.
   */
  check(): void {
    try {
      this.#check();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  #check(): void {
    for (const kind of ['user', 'device'] as const) {
      const watched = this.#watched[kind];
      const version = this.#store.version(kind);
      const now = this.#clock.now();
      const due = kind === 'user' && now - watched.checked >= this.#limits.sessionTouchMs;
      if (version === watched.version && !due) continue;
      for (const grant of [...watched.grants]) {
        const reason = grant.revoked();
        if (reason === null) continue;
        watched.grants.delete(grant);
        grant.end(reason);
      }
      watched.version = version;
      watched.checked = now;
    }
  }

  stop(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = null;
  }

  get #idle(): boolean {
    return this.#watched.user.grants.size + this.#watched.device.grants.size === 0;
  }

  #schedule(): () => void {
    return this.#clock.schedule(this.#limits.storePollMs, () => {
      this.#cancelPoll = null;
      try {
        this.check();
      } finally {
        if (!this.#idle) this.#cancelPoll ??= this.#schedule();
      }
    });
  }
}
