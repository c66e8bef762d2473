import type { CastAbout } from './asciicast.ts';

/** A recording, as far as it takes room. */
export interface Occupant {
  readonly about: CastAbout;
  /** Wall-clock ms. */
  readonly started: number;
  /** Of the file. */
  bytes: number;
  isOpen: boolean;
}

export interface RoomBounds {
  /** Bytes of all. */
  readonly bytes: number;
  /** What those of one user, and of one domain, may take of it that make no room yet: one part in so many. */
  readonly userShare: number;
  readonly domainShare: number;
  /** The same of what one user may take, for those at one device. */
  readonly deviceShare: number;
  /** Milliseconds for which one makes no room for others. */
  readonly heldMs: number;
  /** Bytes that each counts for at least, once it has any. */
  readonly leastBytes: number;
}

/** Which bound is reached. */
export type Full = 'user' | 'device' | 'domain' | 'all';

/**
 * Counts the room of recordings. One that is open, or has begun within `heldMs`, is held: it makes no room, so that nobody erases what was
 * just recorded. What is held of one user, and of one domain, is a share of the room, so that nobody keeps others from being recorded. No
 * device that says much keeps its user from being recorded at others. The rest of the room is for older ones; of these, the oldest of the
 * domain, and there of the user, with most makes room.
 */
export class Room<Kept extends Occupant> {
  readonly #bounds: RoomBounds;
  readonly #clock: { date(): number };
  /** The oldest first. */
  readonly #all = new Set<Kept>();
  readonly #held = new Set<Kept>();
  readonly #ofUser = new Map<string, number>();
  readonly #ofDomain = new Map<string, number>();
  /** By {@link atDevice}. */
  readonly #atDevice = new Map<string, number>();
  #taken = 0;

  constructor(bounds: RoomBounds, clock: { date(): number }) {
    this.#bounds = bounds;
    this.#clock = clock;
  }

  clear(): void {
    for (const one of [this.#all, this.#held, this.#ofUser, this.#ofDomain, this.#atDevice]) one.clear();
    this.#taken = 0;
  }

  /** Counts it, whatever is taken. */
  add(kept: Kept): void {
    this.#all.add(kept);
    this.#held.add(kept);
    this.#count(kept, this.#weightOf(kept.bytes));
  }

  /** Counts that its file has grown to so many bytes, whatever is taken. */
  resize(kept: Kept, bytes: number): void {
    const more = this.#weightOf(bytes) - this.#weightOf(kept.bytes);
    kept.bytes = bytes;
    this.#count(kept, more);
  }

  remove(kept: Kept): void {
    if (!this.#all.delete(kept)) return;
    this.#count(kept, -this.#weightOf(kept.bytes));
    this.#held.delete(kept);
  }

  /** What has to go before `kept`, which is open, may have so many bytes; or which bound they are beyond; `null`: there is room. */
  inTheWay(kept: Kept, bytes: number): Kept | Full | null {
    const more = this.#weightOf(bytes) - this.#weightOf(kept.bytes);
    if (more === 0) return null;
    this.#release();
    const { user, domain } = kept.about;
    const { bytes: room, userShare, domainShare, deviceShare } = this.#bounds;
    if ((this.#ofUser.get(user) ?? 0) + more > room / userShare) return 'user';
    if ((this.#atDevice.get(atDevice(kept)) ?? 0) + more > room / userShare / deviceShare) return 'device';
    if ((this.#ofDomain.get(domain) ?? 0) + more > room / domainShare) return 'domain';
    if (this.#taken + more <= room) return null;
    return this.#firstToGo() ?? 'all';
  }

  #weightOf(bytes: number): number {
    return bytes === 0 ? 0 : Math.max(bytes, this.#bounds.leastBytes);
  }

  #count(kept: Kept, bytes: number): void {
    this.#taken += bytes;
    if (this.#held.has(kept)) this.#hold(kept, bytes);
  }

  #hold(kept: Kept, bytes: number): void {
    add(this.#ofUser, kept.about.user, bytes);
    add(this.#ofDomain, kept.about.domain, bytes);
    add(this.#atDevice, atDevice(kept), bytes);
  }

  /** Those that have become old enough make room from now on. */
  #release(): void {
    const before = this.#clock.date() - this.#bounds.heldMs;
    for (const kept of this.#held) {
      if (kept.started > before) break;
      if (kept.isOpen) continue;
      this.#hold(kept, -this.#weightOf(kept.bytes));
      this.#held.delete(kept);
    }
  }

  #firstToGo(): Kept | undefined {
    const free = [...this.#all].filter((kept) => !this.#held.has(kept));
    const domain = this.#most(free, ({ about }) => about.domain);
    const ofDomain = free.filter(({ about }) => about.domain === domain);
    const user = this.#most(ofDomain, ({ about }) => about.user);
    return ofDomain.find(({ about }) => about.user === user);
  }

  #most(kept: readonly Kept[], nameOf: (one: Kept) => string): string | undefined {
    const taken = new Map<string, number>();
    for (const one of kept) add(taken, nameOf(one), this.#weightOf(one.bytes));
    const [most] = [...taken].sort(([, one], [, other]) => other - one)[0] ?? [];
    return most;
  }
}

/** One user at one device. */
function atDevice({ about: { user, uid } }: Occupant): string {
  return `${uid} ${user}`;
}

/** Entries of nothing go, so that there are no more than recordings. */
function add(sums: Map<string, number>, name: string, bytes: number): void {
  const sum = (sums.get(name) ?? 0) + bytes;
  if (sum === 0) sums.delete(name);
  else sums.set(name, sum);
}
