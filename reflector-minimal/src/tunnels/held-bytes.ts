import { ByteBudget } from '../streams/byte-budget.ts';

/** What this needs of a channel. */
export interface BufferingChannel {
  /** `uid` of the user for whom it is; `null`: of the reflector itself. */
  readonly user: string | null;
  /** Bytes received that its reader has not taken. */
  readonly held: number;
  fail(error: number, message: string): void;
}

/** Bytes that channels buffer for slow readers, against one bound, and the channel that is to go above it. */
export class HeldBytes {
  readonly #all: ByteBudget;
  /** The channels of a user that buffer anything, in the order in which their readers have taken something. */
  readonly #users = new Map<string | null, { bytes: number; readonly channels: Set<BufferingChannel> }>();

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#all = new ByteBudget(limit);
  }

  get bytes(): number {
    return this.#all.bytes;
  }

  get exceeded(): boolean {
    return this.#all.exceeded;
  }

  /** `channel.held` has changed by `difference`. */
  changed(channel: BufferingChannel, difference: number): void {
    this.#all.add(difference);
    let user = this.#users.get(channel.user);
    if (!user) {
      user = { bytes: 0, channels: new Set() };
      this.#users.set(channel.user, user);
    }
    user.bytes += difference;
    if (difference < 0) user.channels.delete(channel);
    if (channel.held > 0) user.channels.add(channel);
    if (user.channels.size === 0) this.#users.delete(channel.user);
  }

  /**
   * Of the user who holds most, the channel that holds most. Of equal ones, that whose reader has taken nothing for longest:
   * those of stalled readers are full.
   */
  fullest(): BufferingChannel | undefined {
    let heaviest: { readonly bytes: number; readonly channels: Set<BufferingChannel> } | undefined;
    for (const user of this.#users.values()) if (!heaviest || user.bytes > heaviest.bytes) heaviest = user;
    let most: BufferingChannel | undefined;
    for (const channel of heaviest?.channels ?? []) if (!most || channel.held > most.held) most = channel;
    return most;
  }

  /** Ends channels with this error until the bound is kept. */
  relieve(error: number, message: string): void {
    while (this.exceeded) {
      const before = this.bytes;
      this.fullest()?.fail(error, message);
      if (this.bytes >= before) return;
    }
  }
}
