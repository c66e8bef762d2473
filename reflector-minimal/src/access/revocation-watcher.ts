import type { Cancellable, Clock } from 'rm-protocol';
import type { Changes, StoreCache } from '../cache/store-cache.ts';
import type { Limits } from '../limits.ts';
import type { Eventual } from '../ports/eventual.ts';
import { StoreUnavailable } from '../ports/store.ts';
import type { Standing } from './standing.ts';

interface Held {
  readonly kind: 'user' | 'device';
}

/** Something that lasts because somebody was let in: a tunnel, a response, a connection. */
export interface LiveAccess<Holder> {
  readonly holder: Holder;
  /** {@link RevocationWatcher.revision} from before it was decided to let the holder in. */
  readonly since: number;
  /** `reason`: for a person. */
  end(reason: string): void;
  /**
   * Called once when it is certain that nothing has changed since that decision: during {@link RevocationWatcher.add} or
   * soon after; never when the holder would not be let in any more.
   */
  confirmed?(): void;
}

interface Entry<Holder> {
  readonly access: LiveAccess<Holder>;
  confirmed: boolean;
  /** Wall-clock ms. */
  readonly began: number;
  /** When it must be checked although nothing has changed; wall-clock ms. */
  until: number;
}

/** What decides whether a holder would be let in now. */
export interface Rule<Holder> {
  /** `now`: wall-clock ms. Rejects with `StoreUnavailable`. */
  standingOf(holder: Holder, now: number): Eventual<Standing>;
  /** Whether these changes may have changed the standing. */
  isAffected(holder: Holder, changes: Changes): boolean;
}

/** What is known of changes. */
type Feed = Pick<
  StoreCache,
  'refresh' | 'onChange' | 'revision' | 'isCurrent' | 'isUnaffected' | 'changedBeside'
>;

/**
 * Ends live access within `limits.storePollMs` after its holder would no longer be let in, whether this process, a command in
 * another one, or time has changed that. The change feed is read only while something is live, and only access that a
 * change is about is checked.
 */
export class RevocationWatcher<Holder extends Held> {
  readonly #cache: Feed;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'storePollMs'>;
  readonly #rule: Rule<Holder>;
  readonly #failed: (error: unknown) => void;
  readonly #entries = new Set<Entry<Holder>>();
  /** To be checked. */
  readonly #pending = new Set<Entry<Holder>>();
  #looking: Promise<void> | null = null;
  #poll: Cancellable | null = null;

  /** `failed` is told of errors that are a fault of ours; what is live goes on. */
  constructor(
    cache: Feed,
    clock: Clock,
    limits: Pick<Limits, 'storePollMs'>,
    rule: Rule<Holder>,
    failed: (error: unknown) => void,
  ) {
    this.#cache = cache;
    this.#clock = clock;
    this.#limits = limits;
    this.#rule = rule;
    this.#failed = failed;
    cache.onChange((changes) => {
      for (const entry of this.#entries) {
        if (rule.isAffected(entry.access.holder, changes)) this.#pending.add(entry);
      }
      this.#look().catch(failed);
    });
  }

  /**
   * Identifies the present state of the store, as far as it is known. Take it before you decide to let somebody in: then
   * {@link admit} and {@link add} notice changes since that decision.
   */
  get revision(): number {
    return this.#cache.revision;
  }

  /**
   * Calls `begin` when it is certain that the holder would be let in now: at once if nothing about it has changed since
   * `since`, the {@link revision} from before that was decided; otherwise when it was decided again. `begin` gets the
   * revision up to which that is certain. Nothing that this process changes, and nothing that another has changed
   * `limits.storePollMs` ago, is missed. Resolves with false, without a call of `begin`, when the holder would not be let
   * in any more. Rejects with `StoreUnavailable`.
   */
  admit(holder: Holder, since: number, begin: (since: number) => void): Eventual<boolean> {
    if (!this.isUnchanged(holder, since)) return this.#decideAgain(holder, begin);
    begin(this.revision);
    return true;
  }

  /** Whether nothing about the holder has changed since `since`: {@link admit} would begin at once. */
  isUnchanged(holder: Holder, since: number): boolean {
    return this.#cache.isCurrent && this.#isUnaffected(holder, since);
  }

  /**
   * Until when the holder may stay unless something changes, wall-clock ms; `null`: they would not be let in. Rejects with
   * `StoreUnavailable`.
   */
  async lastsUntil(holder: Holder): Promise<number | null> {
    const standing = await this.#rule.standingOf(holder, this.#clock.date());
    return 'until' in standing ? standing.until : null;
  }

  /** `end` is called at most once, and not after the returned function was called. */
  add(access: LiveAccess<Holder>): () => void {
    // The first poll finds out how long it may last; most are over by then.
    const entry: Entry<Holder> = { access, confirmed: false, began: this.#clock.date(), until: 0 };
    this.#entries.add(entry);
    if (this.#isUnaffected(access.holder, access.since)) this.#confirm(entry);
    else {
      this.#pending.add(entry);
      this.#look().catch(this.#failed);
    }
    this.#poll ??= this.#schedule();
    return () => this.#remove(entry);
  }

  /** What is live now, and since when (wall-clock ms). */
  *live(): Generator<{ readonly holder: Holder; readonly began: number }> {
    for (const { access, began } of this.#entries) yield { holder: access.holder, began };
  }

  /**
   * Checks at once, after a change by this process: when this resolves, access that was just revoked has ended. While the
   * store cannot be used nothing is known: then what is live lasts until a later poll.
   */
  async check(): Promise<void> {
    try {
      await this.#cache.refresh();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    }
    const now = this.#clock.date();
    for (const entry of this.#entries) if (now >= entry.until) this.#pending.add(entry);
    await this.#look();
  }

  /** Checks everything of a kind, after a change that is not in the store. */
  async reconsider(kind: Held['kind']): Promise<void> {
    this.#cache.changedBeside();
    for (const entry of this.#entries) if (entry.access.holder.kind === kind) this.#pending.add(entry);
    await this.#look();
  }

  stop(): void {
    this.#poll?.cancel();
    this.#poll = null;
  }

  async #decideAgain(holder: Holder, begin: (since: number) => void): Promise<boolean> {
    for (;;) {
      const { revision } = this;
      const standing = await this.#rule.standingOf(holder, this.#clock.date());
      if ('ended' in standing) return false;
      // Otherwise what it read may be from before the change. Others may change what is theirs all the time.
      if (!this.#isUnaffected(holder, revision)) continue;
      begin(this.revision);
      return true;
    }
  }

  #isUnaffected(holder: Holder, since: number): boolean {
    return this.#cache.isUnaffected(since, (changes) => this.#rule.isAffected(holder, changes));
  }

  #look(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    this.#looking ??= this.#lookAtPending();
    return this.#looking;
  }

  async #lookAtPending(): Promise<void> {
    // Includes what is added meanwhile, also an entry that is being checked when something changes again.
    for (const entry of this.#pending) {
      this.#pending.delete(entry);
      try {
        await this.#lookAt(entry);
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#looking = null;
  }

  async #lookAt(entry: Entry<Holder>): Promise<void> {
    const { revision } = this;
    const standing = await this.#standingOf(entry.access.holder);
    if (!this.#entries.has(entry) || this.#pending.has(entry)) return;
    if (standing === null) {
      entry.until = 0;
      return;
    }
    if ('until' in standing) {
      // Somebody waits for the confirmation, so a change that is only hinted at counts as well.
      if (!entry.confirmed && !this.#isUnaffected(entry.access.holder, revision)) {
        this.#pending.add(entry);
        return;
      }
      entry.until = standing.until;
      this.#confirm(entry);
      return;
    }
    this.#remove(entry);
    entry.access.end(standing.ended);
  }

  /** `null`: unknown, because the store cannot be used. Then the next poll checks again. */
  async #standingOf(holder: Holder): Promise<Standing | null> {
    try {
      return await this.#rule.standingOf(holder, this.#clock.date());
    } catch (error) {
      if (error instanceof StoreUnavailable) return null;
      throw error;
    }
  }

  #confirm(entry: Entry<Holder>): void {
    if (entry.confirmed) return;
    entry.confirmed = true;
    entry.access.confirmed?.();
  }

  #remove(entry: Entry<Holder>): void {
    this.#entries.delete(entry);
    this.#pending.delete(entry);
    if (this.#entries.size === 0) this.stop();
  }

  #schedule(): Cancellable {
    return this.#clock.schedule(this.#limits.storePollMs, () => {
      this.#poll = this.#schedule();
      this.check().catch(this.#failed);
    });
  }
}
