/**
 * A bounded table in which every user has a share. Beyond `perUser` entries a user loses their own oldest entry; beyond
 * `total` the user with the most entries does. So no user can push out the entries of those who have fewer.
 */
export class FairShareTable<Value> {
  readonly #perUser: number;
  readonly #total: number;
  /** The oldest first. */
  readonly #entries = new Map<string, { readonly user: string; readonly value: Value }>();
  /** Keys of each user, the oldest first. */
  readonly #keys = new Map<string, Set<string>>();

  constructor({ perUser, total }: { readonly perUser: number; readonly total: number }) {
    this.#perUser = perUser;
    this.#total = total;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Replaces an entry under the same key, and makes it the youngest. */
  set(user: string, key: string, value: Value): void {
    this.take(key);
    const own = this.#keys.get(user);
    if (own && own.size >= this.#perUser) this.#takeOldest(own);
    else if (this.#entries.size >= this.#total) this.#takeOldest(this.#most());
    const keys = this.#keys.get(user) ?? new Set();
    this.#keys.set(user, keys.add(key));
    this.#entries.set(key, { user, value });
  }

  /** Removes the entry and returns its value. */
  take(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    const keys = this.#keys.get(entry.user);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(entry.user);
    return entry.value;
  }

  /** Removes the oldest entries for as long as `predicate` holds. */
  takeWhile(predicate: (value: Value) => boolean): void {
    for (const [key, { value }] of this.#entries) {
      if (!predicate(value)) return;
      this.take(key);
    }
  }

  #takeOldest(keys: ReadonlySet<string>): void {
    for (const key of keys) {
      this.take(key);
      return;
    }
  }

  #most(): ReadonlySet<string> {
    let most: ReadonlySet<string> = new Set();
    for (const keys of this.#keys.values()) if (keys.size > most.size) most = keys;
    return most;
  }
}
