/**
 * At most `max` entries. A new one evicts the one used longest ago that has nothing under way: nobody gets rid of what is
 * counted for a key by bringing many others while an attempt of it is being verified. If all are busy, one more is kept.
 */
export class IdleEvictingMap<Entry extends { readonly underWay: number }> {
  readonly #max: number;
  /** Oldest use first. */
  readonly #entries = new Map<string, Entry>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Does not count as a use. */
  peek(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entry of `key`, which is the youngest then; makes one where there is none. */
  use(key: string, make: () => Entry): Entry {
    let entry = this.#entries.get(key);
    if (entry) this.#entries.delete(key);
    else {
      if (this.#entries.size >= this.#max) this.#evict();
      entry = make();
    }
    this.#entries.set(key, entry);
    return entry;
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  #evict(): void {
    for (const [key, { underWay }] of this.#entries) {
      if (underWay > 0) continue;
      this.#entries.delete(key);
      return;
    }
  }
}
