import { randomBytes } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { Forgetting, LearnCount, SharedCounter, SharedState } from '../ports/shared-state.ts';
import { StoreUnavailable } from '../ports/store.ts';

interface Count {
  count: number;
  at: number;
  perMs: number;
  memoryMs: number;
}

/** What several members in one process know together, for tests. All learn of a count at once. */
export class SharedMemory {
  readonly #clock: Clock;
  readonly #members = new Set<Member>();
  readonly #used = new Map<string, number>();
  readonly #counts = new Map<string, Count>();
  epoch = randomBytes(8);
  isAway = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  join(): SharedState {
    const member = new Member(this);
    this.#members.add(member);
    return member;
  }

  /** As after a crash of what keeps it. */
  lose(): void {
    this.#used.clear();
    this.#counts.clear();
    this.epoch = randomBytes(8);
  }

  get now(): number {
    return this.#clock.now();
  }

  use(key: Buffer, epoch: Buffer, ms: number): boolean {
    const text = key.toString('hex');
    if (!epoch.equals(this.epoch) || (this.#used.get(text) ?? 0) > this.now) return false;
    this.#used.set(text, this.now + ms);
    return true;
  }

  add(name: string, key: string, amount: number, { memoryMs, perMs }: Forgetting): void {
    const full = `${name} ${key}`;
    const former = this.#counts.get(full);
    const elapsed = former ? this.now - former.at : 0;
    const left = former && elapsed < former.memoryMs ? Math.max(0, former.count - elapsed * former.perMs) : 0;
    this.#counts.set(full, { count: left + amount, at: this.now, perMs, memoryMs });
    this.#tell(name, key);
  }

  reset(name: string, key: string): void {
    this.#counts.delete(`${name} ${key}`);
    this.#tell(name, key);
  }

  leave(member: Member): void {
    this.#members.delete(member);
  }

  /** In a turn of its own, as an adapter does. */
  #tell(name: string, key: string): void {
    queueMicrotask(() => {
      const count = this.#counts.get(`${name} ${key}`)?.count ?? 0;
      for (const member of this.#members) member.learners.get(name)?.(key, count, 0);
    });
  }
}

class Member implements SharedState {
  readonly #memory: SharedMemory;
  readonly learners = new Map<string, LearnCount>();

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  now(): number {
    return this.#memory.now;
  }

  get epoch(): Buffer {
    return this.#memory.epoch;
  }

  async once(key: Buffer, epoch: Buffer, ms: number): Promise<boolean> {
    if (this.#memory.isAway) throw new StoreUnavailable('AWAY', 'it is away', 'the shared state');
    return this.#memory.use(key, epoch, ms);
  }

  counter(name: string, learn: LearnCount): SharedCounter {
    this.learners.set(name, learn);
    return {
      add: (key, amount, forgetting) => this.#memory.add(name, key, amount, forgetting),
      reset: (key) => this.#memory.reset(name, key),
    };
  }

  async close(): Promise<void> {
    this.#memory.leave(this);
  }
}
