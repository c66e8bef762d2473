import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import type { Store } from '../store/store.ts';

/** Something that goes on because somebody was let in: a tunnel, a response, a connection. */
interface Grant {
  readonly kind: 'user' | 'device';
  readonly name: string;
  /** The stored password hash that let it in. */
  readonly secret: string;
  end(reason: string): void;
}

/**
 * Ends what is live when the account behind it is removed or gets another password, by this process or by the command
 * line in another one. The store is asked for its version every `limits.storePollMs`, and only while something is live:
 * SQLite answers from shared memory, nothing listens for it, and a change made by any tool counts.
 */
export class LiveAccess {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #grants = new Set<Grant>();
  #version: string;
  #cancelPoll: (() => void) | null = null;

  constructor(store: Store, clock: Clock, limits: Limits) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#version = store.version();
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

  stop(): void {
    this.#cancelPoll?.();
    this.#cancelPoll = null;
  }

  #schedule(): () => void {
    return this.#clock.schedule(this.#limits.storePollMs, () => {
      this.#cancelPoll = null;
      this.#check();
      if (this.#grants.size > 0) this.#cancelPoll ??= this.#schedule();
    });
  }

  #check(): void {
    const version = this.#store.version();
    if (version === this.#version) return;
    this.#version = version;
    for (const grant of [...this.#grants]) {
      if (this.#present(grant) === grant.secret) continue;
      this.#grants.delete(grant);
      grant.end(`the password of this ${grant.kind} was changed, or the ${grant.kind} was removed`);
    }
  }

  #present({ kind, name }: Grant): string | undefined {
    return kind === 'user' ? this.#store.users.get(name)?.password : this.#store.devices.get(name)?.password;
  }
}
