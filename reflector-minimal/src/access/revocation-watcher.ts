import type { Cancellable, Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { StoreUnavailable } from '../ports/store.ts';
import type { Store } from '../store/store.ts';
import type { Standing } from './standing.ts';

/** Whose grants are looked at for which changes: a device's depends on devices alone. */
interface Held {
  readonly kind: 'user' | 'device';
}

/** Something that goes on because somebody was let in: a tunnel, a response, a connection. */
export interface Grant<Holder> {
  readonly holder: Holder;
  /** {@link RevocationWatcher.revision} from before it was decided to let the holder in. */
  readonly since: number;
  /** `reason`: for a person. */
  end(reason: string): void;
}

interface Entry<Holder> {
  readonly grant: Grant<Holder>;
  /** When it has to be looked at although nothing has changed; wall-clock ms. */
  until: number;
}

/** Grants of one kind, and the version of the store that they were last looked at with. */
interface Watched<Holder> {
  readonly entries: Set<Entry<Holder>>;
  version: string;
}

/**
 * Ends what is live within `limits.storePollMs` once its holder would not be let in any more, whatever let it in: by this
 * process or by the command line in another one, or as time passes. The store is asked for its version, and only while
 * something is live: SQLite answers from shared memory, nothing listens for it, and a change made by any tool counts. Ten
 * thousand devices are not looked at because a user has logged out.
 */
export class RevocationWatcher<Holder extends Held> {
  readonly #store: Pick<Store, 'version'>;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'storePollMs'>;
  readonly #standingOf: (holder: Holder, now: number) => Standing;
  readonly #watched: Readonly<Record<Held['kind'], Watched<Holder>>>;
  #revision = 0;
  #poll: Cancellable | null = null;

  /** `standingOf`: the rule. `now` is wall-clock ms. */
  constructor(
    store: Pick<Store, 'version'>,
    clock: Clock,
    limits: Pick<Limits, 'storePollMs'>,
    standingOf: (holder: Holder, now: number) => Standing,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#standingOf = standingOf;
    const watch = (kind: Held['kind']): Watched<Holder> => ({
      entries: new Set(),
      version: store.version(kind),
    });
    this.#watched = { user: watch('user'), device: watch('device') };
  }

  /**
   * Names the present state of the store as far as it was looked at. To be taken before it is decided to let somebody in:
   * what changes between that and {@link add} is noticed then.
   */
  get revision(): number {
    return this.#revision;
  }

  /**
   * `end` is called at most once, unless the returned function was called before; during this call if the holder would
   * not be let in any more.
   */
  add(grant: Grant<Holder>): () => void {
    // The first poll looks how long it may go on; most are over by then.
    const entry = { grant, until: 0 };
    if (grant.since !== this.#revision) {
      const standing = this.#standingNow(grant.holder);
      if ('ended' in standing) {
        grant.end(standing.ended);
        return () => {};
      }
      entry.until = standing.until;
    }
    const { entries } = this.#watched[grant.holder.kind];
    entries.add(entry);
    this.#poll ??= this.#schedule();
    return () => {
      entries.delete(entry);
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

  /** Looks at all of a kind: what decides has changed, and the store knows nothing of it. */
  reconsider(kind: Held['kind']): void {
    for (const entry of this.#watched[kind].entries) entry.until = 0;
    this.#revision++;
    this.check();
  }

  #check(): void {
    const now = this.#clock.date();
    for (const kind of ['user', 'device'] as const) {
      const watched = this.#watched[kind];
      const version = this.#store.version(kind);
      const changed = version !== watched.version;
      if (changed) this.#revision++;
      for (const entry of watched.entries) {
        if (!changed && now < entry.until) continue;
        const standing = this.#standingOf(entry.grant.holder, now);
        if ('ended' in standing) {
          watched.entries.delete(entry);
          entry.grant.end(standing.ended);
        } else {
          entry.until = standing.until;
        }
      }
      watched.version = version;
    }
  }

  stop(): void {
    this.#poll?.cancel();
    this.#poll = null;
  }

  /** Which cannot be told while the data file cannot be used: then the next poll looks. */
  #standingNow(holder: Holder): Standing {
    try {
      return this.#standingOf(holder, this.#clock.date());
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return { until: 0 };
    }
  }

  get #idle(): boolean {
    return this.#watched.user.entries.size + this.#watched.device.entries.size === 0;
  }

  #schedule(): Cancellable {
    return this.#clock.schedule(this.#limits.storePollMs, () => {
      this.#poll = null;
      try {
        this.check();
      } finally {
        if (!this.#idle) this.#poll ??= this.#schedule();
      }
    });
  }
}
