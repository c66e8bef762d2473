import type { Limits } from '../../limits.ts';
import type { FairRoom, Item } from './fair-room.ts';
import { type Lines, listOf } from './fields.ts';
import type { Freshness } from './freshness.ts';
import type { Kind } from './kinds.ts';

/** What an answer is, besides its body. */
export interface AnswerFacts {
  readonly reason: string;
  /** As the device sent them. */
  readonly headers: Lines;
  readonly kind: Kind;
  readonly freshness: Freshness;
  /** Fields of the request for which it was chosen, and what they were; `null`: not there. */
  readonly chosenBy: readonly (readonly [name: string, value: string | null])[];
}

/**
 * An answer of a device, while it comes and while it is kept. What it takes is counted from its first byte on, with what it costs
 * besides its bytes.
 */
export class KeptAnswer implements Item {
  bytes = 0;
  readonly owners: readonly string[];
  #facts: AnswerFacts;
  readonly #room: FairRoom;
  readonly #limits: Pick<Limits, 'cacheBlockBytes' | 'cacheOverheadBytes' | 'cacheShare'>;
  /** Of the body; `null`: unknown. */
  readonly #length: number | null;
  #blocks: Buffer[] = [];
  /** Bytes of the last block that are filled. */
  #filled = 0;
  #received = 0;
  #users = 0;
  #gone = false;
  #forget: (() => void) | null = null;

  private constructor(
    room: FairRoom,
    limits: Pick<Limits, 'cacheBlockBytes' | 'cacheOverheadBytes' | 'cacheShare'>,
    owners: readonly string[],
    facts: AnswerFacts,
    length: number | null,
  ) {
    this.#room = room;
    this.#limits = limits;
    this.owners = owners;
    this.#facts = own(facts);
    this.#length = length;
  }

  /** `null`: there is no room for it. */
  static begin(
    room: FairRoom,
    limits: Pick<Limits, 'cacheBlockBytes' | 'cacheOverheadBytes' | 'cacheShare'>,
    owners: readonly string[],
    facts: AnswerFacts,
    length: number | null,
  ): KeptAnswer | null {
    const answer = new KeptAnswer(room, limits, owners, facts, length);
    if (length !== null && length > answer.#most) return null;
    return answer.#take(limits.cacheOverheadBytes + sizeOf(answer.#facts)) ? answer : null;
  }

  get facts(): AnswerFacts {
    return this.#facts;
  }

  get inUse(): boolean {
    return this.#users > 0;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get body(): readonly Buffer[] {
    return this.#blocks;
  }

  get length(): number {
    return this.#received;
  }

  /** What came of the body is no more than one answer may take. False: it is dropped. */
  append(piece: Buffer): boolean {
    let taken = 0;
    while (taken < piece.length && !this.#gone) {
      const block = this.#blockWithRoom();
      if (!block) break;
      const copied = piece.copy(block, this.#filled, taken);
      this.#filled += copied;
      this.#received += copied;
      taken += copied;
    }
    if (taken < piece.length) this.drop();
    return !this.#gone;
  }

  /** The body is whole. `forget`: called when the answer goes. False: it has gone, or is not as long as it said. */
  finish(forget: () => void): boolean {
    if (this.#length !== null && this.#length !== this.#received) this.drop();
    if (this.#gone) return false;
    const last = this.#blocks.at(-1);
    if (last && this.#filled < last.length) {
      const exact = Buffer.allocUnsafeSlow(this.#filled);
      last.copy(exact, 0, 0, this.#filled);
      this.#blocks[this.#blocks.length - 1] = exact;
      this.#room.give(this, last.length - this.#filled);
    }
    this.#forget = forget;
    return true;
  }

  /** The device says that it still holds, and with what head. False: there is no room for that. */
  renew(facts: AnswerFacts): boolean {
    const renewed = own(facts);
    const more = sizeOf(renewed) - sizeOf(this.#facts);
    if (this.#gone || (more > 0 && !this.#room.take(this, more))) return false;
    if (more < 0) this.#room.give(this, -more);
    this.#facts = renewed;
    return true;
  }

  /** It is used until what is returned is called. */
  use(): () => void {
    this.#users++;
    this.#room.touch(this);
    return () => {
      this.#users--;
      if (this.#gone) this.#release();
    };
  }

  /** No request gets it any more. Its room is free when nobody uses it. */
  drop(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#forget?.();
    this.#release();
  }

  evict(): void {
    this.drop();
  }

  get #most(): number {
    return Math.floor(this.#room.bytes / this.#limits.cacheShare);
  }

  #blockWithRoom(): Buffer | null {
    const last = this.#blocks.at(-1);
    if (last && this.#filled < last.length) return last;
    const { cacheBlockBytes } = this.#limits;
    const left = this.#length === null ? cacheBlockBytes : this.#length - this.#received;
    const size = Math.min(left, cacheBlockBytes);
    if (size <= 0 || this.#received + size > this.#most || !this.#take(size)) return null;
    // Not of the pool, of which one piece keeps all.
    const block = Buffer.allocUnsafeSlow(size);
    this.#blocks.push(block);
    this.#filled = 0;
    return block;
  }

  #take(bytes: number): boolean {
    return this.#room.take(this, bytes);
  }

  #release(): void {
    if (this.#users > 0 || this.bytes === 0) return;
    this.#room.give(this, this.bytes);
    this.#blocks = [];
  }
}

/** A request with these fields would have got this answer. */
export function isChosenBy({ chosenBy }: AnswerFacts, deviceHeaders: Lines): boolean {
  return chosenBy.every(([name, value]) => listOf(deviceHeaders, name) === value);
}

/** With strings of its own: a part of a string keeps the whole one, such as a head of 64 KiB. */
function own(facts: AnswerFacts): AnswerFacts {
  const { reason, headers, chosenBy } = facts;
  const copy: Pick<AnswerFacts, 'reason' | 'headers' | 'chosenBy'> = JSON.parse(
    JSON.stringify({ reason, headers, chosenBy }),
  );
  return { ...facts, ...copy };
}

/** Bytes of its strings, of which each costs some besides its characters. */
function sizeOf({ reason, headers, chosenBy }: AnswerFacts): number {
  const texts = [reason, ...headers, ...chosenBy.flat()];
  return texts.reduce((sum, text) => sum + 32 + 2 * (text?.length ?? 0), 0);
}
