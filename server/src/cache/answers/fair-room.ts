/** Something that takes room. */
export interface Item {
  /** What it takes, as {@link FairRoom} counts it. */
  bytes: number;
  /** Who it counts for: its device and its user. */
  readonly owners: readonly string[];
  /** It is in use, and cannot go. */
  readonly inUse: boolean;
  /** It has to go, and gives its room back before this returns. */
  evict(): void;
}

/**
 * Bytes that many share. What was not used for longest goes first, but room is only taken from those who have more than the one who
 * needs it: neither a device nor a user pushes out all that others have.
 */
export class FairRoom {
  #bytes: number;
  #used = 0;
  /** The items of each owner, the least recently used first. */
  readonly #owners = new Map<string, { bytes: number; readonly items: Set<Item> }>();

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get used(): number {
    return this.#used;
  }

  /** What is too much then goes at once, or when it is no longer in use. */
  resize(bytes: number): void {
    this.#bytes = bytes;
    while (this.#used > bytes) {
      const victim = this.#evictableOf(this.#largest(new Set()));
      if (!victim) return;
      victim.evict();
    }
  }

  /** So many bytes more for the item; false: there is no room for them. */
  take(item: Item, bytes: number): boolean {
    if (item.bytes + bytes > this.#bytes) return false;
    while (this.#used + bytes > this.#bytes) {
      const victim = this.#victimFor(item, bytes);
      if (!victim) return false;
      victim.evict();
    }
    this.#count(item, bytes);
    return true;
  }

  /** Gives back so many of its bytes. */
  give(item: Item, bytes: number): void {
    this.#count(item, -bytes);
  }

  /** It was used now. */
  touch(item: Item): void {
    for (const name of item.owners) {
      const items = this.#owners.get(name)?.items;
      if (items?.delete(item)) items.add(item);
    }
  }

  #count(item: Item, bytes: number): void {
    item.bytes += bytes;
    this.#used += bytes;
    for (const name of item.owners) {
      let owner = this.#owners.get(name);
      if (!owner) {
        owner = { bytes: 0, items: new Set() };
        this.#owners.set(name, owner);
      }
      owner.bytes += bytes;
      if (item.bytes > 0) owner.items.add(item);
      else owner.items.delete(item);
      if (owner.items.size === 0) this.#owners.delete(name);
    }
  }

  #victimFor(item: Item, bytes: number): Item | null {
    const heldBy = (name: string) => this.#owners.get(name)?.bytes ?? 0;
    const own = [...item.owners].sort((one, other) => heldBy(other) - heldBy(one));
    const after = Math.max(...own.map(heldBy)) + bytes;
    const tried = new Set(item.owners);
    for (;;) {
      const name = this.#largest(tried);
      if (name === null || heldBy(name) < after) break;
      const victim = this.#evictableOf(name, item);
      if (victim) return victim;
      tried.add(name);
    }
    for (const name of own) {
      const victim = this.#evictableOf(name, item);
      if (victim) return victim;
    }
    return null;
  }

  #largest(except: ReadonlySet<string>): string | null {
    let found: string | null = null;
    let most = 0;
    for (const [name, { bytes }] of this.#owners) {
      if (bytes <= most || except.has(name)) continue;
      found = name;
      most = bytes;
    }
    return found;
  }

  #evictableOf(name: string | null, except?: Item): Item | null {
    for (const item of this.#owners.get(name ?? '')?.items ?? []) {
      if (item !== except && !item.inUse) return item;
    }
    return null;
  }
}
