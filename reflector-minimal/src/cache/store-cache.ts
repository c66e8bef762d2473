import { LRUCache } from 'lru-cache';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Eventual } from '../ports/eventual.ts';
import {
  type Change,
  type DeviceIdentity,
  type SessionRecord,
  type Store,
  StoreUnavailable,
  type UserRecord,
} from '../ports/store.ts';

/** Changes as one text each, see {@link changeKey}; `null`: anything may have changed. */
export type Changes = ReadonlySet<string> | null;

/** One text for a kind and key. */
export function changeKey({ kind, key }: Change): string {
  return `${kind} ${key}`;
}

/** Records of one kind that were read lately, and reads under way. */
interface Table<Value extends object> {
  readonly known: LRUCache<string, Value>;
  /** A read whose record was changed meanwhile is not here any more: its result is not kept. */
  readonly reads: Map<string, Promise<Value | null>>;
  readonly read: (key: string) => Promise<Value | null>;
}

/** A table, whatever is in it. */
type Forgetful = Readonly<Record<'known' | 'reads', { delete(key: string): boolean; clear(): void }>>;

type CacheLimits = Pick<
  Limits,
  'storePollMs' | 'storePatienceMs' | 'cachedUsers' | 'cachedSessions' | 'cachedDevices'
>;

type CachedStore = Pick<Store, 'users' | 'sessions' | 'devices' | 'changes' | 'outageMs'>;

/** Changes that are read at once. */
const changesAtOnce = 1_000;

/** The latest steps of the revision that are remembered, and the changes of each; one of more may be about anything. */
const stepsRemembered = 256;
const changesRemembered = 100;

/**
 * The users, sessions and devices that requests have asked for lately, so that a request costs the store nothing. The
 * change feed keeps them true: what it names is forgotten, and read again when it is next asked for. A change by this
 * process counts at once, one by another within `limits.storePollMs`. What does not exist is never remembered, so
 * that a record that was just added is found.
 *
 * Nothing polls here. A record that was not compared with the feed for `limits.storePollMs` waits for that first, so that
 * what is asked for is never older. Only while a store with `outageMs` is away, what is known counts for that time.
 */
export class StoreCache {
  readonly #store: CachedStore;
  readonly #clock: Clock;
  readonly #pollMs: number;
  readonly #patienceMs: number;
  readonly #users: Table<UserRecord>;
  readonly #sessions: Table<SessionRecord>;
  readonly #devices: Table<DeviceIdentity>;
  readonly #listeners = new Set<(changes: Changes) => void>();
  readonly #stopHints: () => void;
  /** In the feed; `null`: nothing was read yet. */
  #position: number | null = null;
  /** When the last read of the feed began. */
  #comparedAt = Number.NEGATIVE_INFINITY;
  #hinted = false;
  /** Hints that anything may have changed, and how many of them the last read of the feed has seen. */
  #vagueHints = 0;
  #vagueHintsFollowed = 0;
  /** The store did not answer at this time, and has not answered since; `null`: it has. */
  #awaySince: number | null = null;
  #revision = 0;
  /** What each of the latest steps of the revision was about, the last one last. */
  readonly #steps: Changes[] = [];
  #refreshing: Promise<void> | null = null;
  /** IDs of devices that are to be read ahead. */
  readonly #ahead = new Set<string>();
  #readingAhead: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(store: CachedStore, clock: Clock, limits: CacheLimits) {
    this.#store = store;
    this.#clock = clock;
    this.#pollMs = limits.storePollMs;
    this.#patienceMs = limits.storePatienceMs;
    this.#users = table(limits.cachedUsers, (name) => store.users.get(name));
    this.#sessions = table(limits.cachedSessions, (hash) => store.sessions.get(Buffer.from(hash, 'hex')));
    this.#devices = table(limits.cachedDevices, (id) => store.devices.identity(id));
    this.#stopHints = store.changes.onHint((change) => this.changed(change));
  }

  /** Rejects with `StoreUnavailable`, as the others do. */
  user(name: string): Eventual<UserRecord | null> {
    return this.#find(this.#users, name);
  }

  session(hash: Buffer): Eventual<SessionRecord | null> {
    return this.#find(this.#sessions, hash.toString('hex'));
  }

  /** A claimed device. */
  device(id: string): Eventual<DeviceIdentity | null> {
    return this.#find(this.#devices, id);
  }

  /**
   * Has a device known before anybody asks for it, where that counts while the store is away: for those that come on line. One is read after
   * the other, so that a flood of them takes one call of the store at a time.
   */
  readAhead(id: string): void {
    if (!this.#store.outageMs) return;
    this.#ahead.add(id);
    this.#readingAhead ??= this.#readAllAhead().finally(() => {
      this.#readingAhead = null;
    });
  }

  /** Reads a session again when it is next asked for. */
  forgetSession(hash: Buffer): void {
    this.#sessions.known.delete(hash.toString('hex'));
  }

  /** Reads a user again when they are next asked for. */
  forgetUser(name: string): void {
    this.#users.known.delete(name);
  }

  /** Notes the use of a session, and of its parent, before the store does. */
  touch(hash: Buffer, parent: Buffer | null, now: number): void {
    for (const used of parent ? [hash, parent] : [hash]) {
      const key = used.toString('hex');
      const known = this.#sessions.known.peek(key);
      if (known) this.#sessions.known.set(key, { ...known, used: now });
    }
  }

  /** Reads the changes up to this call. Rejects with `StoreUnavailable`. */
  refresh(): Promise<void> {
    // One that is under way may have begun before the change that is meant.
    if (this.#refreshing) {
      this.#next ??= this.#refreshing.catch(() => {}).then(() => this.#refresh());
      return this.#next;
    }
    return this.#refresh();
  }

  /** `listener` is told of changes when they are read. Returns what ends it. */
  onChange(listener: (changes: Changes) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The feed may have this change; without one, any. */
  changed(change?: Change): void {
    this.#hinted = true;
    // While the store is away, what is known counts, but not what this process has changed.
    if (change) drop(this.#tableOf(change.kind), change.key);
    else this.#vagueHints++;
    this.#step(change ? new Set([changeKey(change)]) : null);
  }

  stop(): void {
    this.#stopHints();
  }

  /**
   * Identifies the state of the store, as far as it is known: rises with each change that is read or hinted at, so with one
   * by this process before that is acknowledged.
   */
  get revision(): number {
    return this.#revision;
  }

  /** Whether no change since this revision affects what is asked about. */
  isUnaffected(since: number, isAffected: (changes: Changes) => boolean): boolean {
    const count = this.#revision - since;
    if (count === 0) return true;
    return count <= this.#steps.length && !this.#steps.slice(-count).some(isAffected);
  }

  /** Something has changed that is not in the store: the revision rises. */
  changedBeside(): void {
    this.#step(null);
  }

  /** Whether what is in memory counts without asking the store for changes. */
  get isCurrent(): boolean {
    return !this.#hinted && this.#clock.now() - this.#comparedAt < this.#pollMs;
  }

  #find<Value extends object>(found: Table<Value>, key: string): Eventual<Value | null> {
    if (!this.isCurrent) return this.#settle().then(() => this.#lookUp(found, key));
    return this.#lookUp(found, key);
  }

  /** Resolves once what is known counts. Rejects with `StoreUnavailable`. */
  async #settle(): Promise<void> {
    if (!this.#countsWithoutStore) return this.refresh();
    if (this.#awaySince !== null) {
      const isDue = this.#clock.now() - this.#awaySince >= this.#pollMs;
      if (isDue && !this.#refreshing) this.refresh().catch(() => {});
      return;
    }
    try {
      await this.#withPatience(this.refresh());
    } catch (error) {
      if (!(error instanceof StoreUnavailable && this.#countsWithoutStore)) throw error;
    }
  }

  async #readAllAhead(): Promise<void> {
    for (const id of this.#ahead) {
      this.#ahead.delete(id);
      // Whoever asks for it next meets the same failure.
      await Promise.resolve(this.device(id)).catch(() => {});
    }
  }

  get #countsWithoutStore(): boolean {
    const { outageMs = 0 } = this.#store;
    return this.#vagueHints === this.#vagueHintsFollowed && this.#clock.now() - this.#comparedAt < outageMs;
  }

  /** Resolves no later than `limits.storePatienceMs` from now: the store is away then. */
  async #withPatience(refreshing: Promise<void>): Promise<void> {
    let end = () => {};
    const patience = new Promise<void>((resolve) => {
      end = resolve;
    });
    const timer = this.#clock.schedule(this.#patienceMs, () => {
      this.#awaySince = this.#clock.now();
      end();
    });
    try {
      await Promise.race([refreshing, patience]);
    } finally {
      timer.cancel();
    }
  }

  #lookUp<Value extends object>({ known, reads, read }: Table<Value>, key: string): Eventual<Value | null> {
    const value = known.get(key);
    if (value !== undefined) return value;
    const underWay = reads.get(key);
    if (underWay) return underWay;
    const reading = read(key)
      .then((result) => {
        if (reads.get(key) === reading && result) known.set(key, result);
        return result;
      })
      .finally(() => {
        if (reads.get(key) === reading) reads.delete(key);
      });
    reads.set(key, reading);
    return reading;
  }

  #refresh(): Promise<void> {
    this.#next = null;
    const refreshing = this.#readChanges().finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = null;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  async #readChanges(): Promise<void> {
    const [hinted, vagueHints] = [this.#hinted, this.#vagueHints];
    this.#hinted = false;
    const began = this.#clock.now();
    try {
      if (this.#position !== null) await this.#follow(this.#position);
      else {
        const position = await this.#store.changes.position();
        // Nobody has read a record before the first position was known; a second one would skip changes.
        this.#position ??= position;
        // What was decided before may be from before a change that the feed will not tell.
        this.#step(null);
      }
    } catch (error) {
      this.#hinted ||= hinted;
      this.#awaySince = this.#clock.now();
      throw error;
    }
    this.#comparedAt = began;
    this.#vagueHintsFollowed = vagueHints;
    this.#awaySince = null;
  }

  async #follow(from: number): Promise<void> {
    // What is changed later is not waited for: that might never end.
    const to = await this.#store.changes.position();
    for (let at = from; at !== to; ) {
      const { changes, position, complete } = await this.#store.changes.after(at, changesAtOnce);
      if (complete && changes.length === 0) return;
      for (const { kind, key } of changes) drop(this.#tableOf(kind), key);
      if (!complete) for (const kind of ['user', 'session', 'device'] as const) dropAll(this.#tableOf(kind));
      this.#position = at = position;
      const changed = complete ? new Set(changes.map(changeKey)) : null;
      this.#step(changed);
      for (const listener of this.#listeners) listener(changed);
      if (at > to) return;
    }
  }

  #step(changes: Changes): void {
    this.#revision++;
    this.#steps.push(changes && changes.size <= changesRemembered ? changes : null);
    if (this.#steps.length > stepsRemembered) this.#steps.shift();
  }

  #tableOf(kind: Change['kind']): Forgetful {
    return { user: this.#users, session: this.#sessions, device: this.#devices }[kind];
  }
}

function table<Value extends object>(
  max: number,
  read: (key: string) => Promise<Value | null>,
): Table<Value> {
  return { known: new LRUCache({ max }), reads: new Map(), read };
}

function drop({ known, reads }: Forgetful, key: string): void {
  known.delete(key);
  reads.delete(key);
}

function dropAll({ known, reads }: Forgetful): void {
  known.clear();
  reads.clear();
}
