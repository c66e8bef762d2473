import { randomBytes, randomUUID } from 'node:crypto';
import type { Cancellable, Clock } from 'rm-protocol';
import { type LearnCount, type SharedCounter, type SharedState, StoreUnavailable } from 'rm-reflector/ports';
import { connectionOf, type PostgresqlAddress } from '../../store/postgresql/connection.ts';
import { Database } from '../../store/postgresql/database.ts';
import { type PostgresqlLimits, postgresqlLimits } from '../../store/postgresql/limits.ts';
import { storeErrorOf } from '../../store/postgresql/unavailable.ts';
import { JobLease } from './job-lease.ts';
import { type SharedStateLimits, sharedStateLimits } from './limits.ts';
import { PendingCounts } from './pending-counts.ts';
import {
  addCounts,
  type Counted,
  countsSince,
  type Moment,
  momentOf,
  sweep,
  type Use,
  useUp,
} from './statements.ts';

export interface SharedStateOptions extends PostgresqlAddress {
  readonly clock: Clock;
  readonly limits?: Partial<SharedStateLimits>;
  readonly databaseLimits?: Partial<PostgresqlLimits>;
  /** An error that is no absence of the database. */
  readonly failed?: (error: unknown) => void;
}

interface WaitingUse extends Use {
  readonly answer: (isFirst: boolean) => void;
  readonly fail: (error: unknown) => void;
}

/** From far below any transaction: everything that is kept is read. */
const everything = '0';

const memoryOfResetMs = 60_000;

/**
 * What the nodes of an installation know together, in tables without a log in the database of the store, which must have been opened
 * before. One transaction each `readMs`, or `batchMs` after something was counted, writes what this node has counted and reads what
 * others have; keys that are used up are written at once, those that come meanwhile together.
 */
export class PostgresqlSharedState implements SharedState {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #limits: SharedStateLimits;
  readonly #failed: (error: unknown) => void;
  /** Of this process, since its start. */
  readonly #id = randomUUID();
  readonly #learners = new Map<string, LearnCount>();
  readonly #pending: PendingCounts;
  /** The keys that this node has used up, in hexadecimal, with when they expire; monotonic ms. */
  readonly #used = new Map<string, number>();
  #uses = new Map<string, WaitingUse>();
  #using: Promise<void> | null = null;
  #moment: Moment;
  /** Of the clock of the database, over the monotonic one. */
  #offset: number;
  #since = everything;
  /** In the middle of a reading in several pages: every transaction before this one had ended when it began. */
  #endedBefore: string | null = null;
  readonly #lease: JobLease;
  #sweptAt: number;
  #timer: Cancellable | null = null;
  #timerIsForBatch = false;
  #exchanging: Promise<void> | null = null;
  #isAway = false;
  #isClosed = false;

  /** Rejects with `StoreError`. */
  static async open({
    clock,
    limits,
    databaseLimits,
    failed = () => {},
    ...address
  }: SharedStateOptions): Promise<PostgresqlSharedState> {
    // That the database is away is said by the store.
    const bounds = { ...postgresqlLimits, ...databaseLimits, connections: 2 };
    const database = new Database(connectionOf(address).config, bounds, () => {});
    try {
      const began = clock.now();
      const moment = await firstMoment(database);
      const state = { moment, offset: moment.now - (began + clock.now()) / 2 };
      return new PostgresqlSharedState(database, clock, { ...sharedStateLimits, ...limits }, failed, state);
    } catch (error) {
      await database.close();
      throw storeErrorOf(error);
    }
  }

  private constructor(
    database: Database,
    clock: Clock,
    limits: SharedStateLimits,
    failed: (error: unknown) => void,
    { moment, offset }: { readonly moment: Moment; readonly offset: number },
  ) {
    this.#database = database;
    this.#clock = clock;
    this.#limits = limits;
    this.#failed = failed;
    this.#pending = new PendingCounts(limits.countsWaiting);
    this.#moment = moment;
    this.#offset = offset;
    this.#sweptAt = clock.now();
    this.#lease = new JobLease(clock, this.#id, limits.leaseMs);
    this.#schedule(0, false);
  }

  now(): number {
    return this.#clock.now() + this.#offset;
  }

  get epoch(): Buffer {
    return this.#moment.epoch;
  }

  /** Whether this node does what is done once for all nodes. At most one says so at a time. */
  get leads(): boolean {
    return !this.#isClosed && this.#lease.isHeld;
  }

  once(key: Buffer, epoch: Buffer, ms: number): Promise<boolean> {
    const name = key.toString('hex');
    this.#forgetUsed();
    if (this.#used.has(name) || this.#uses.has(name)) return Promise.resolve(false);
    if (this.#used.size + this.#uses.size >= this.#limits.used || this.#uses.size >= this.#limits.usesWaiting)
      return Promise.reject(new StoreUnavailable('BUSY', 'too much is used once at a time', 'the database'));
    return new Promise((answer, fail) => {
      this.#uses.set(name, { key, epoch, ms, answer, fail });
      this.#using ??= this.#useAll();
    });
  }

  counter(name: string, learn: LearnCount): SharedCounter {
    this.#learners.set(name, learn);
    const changed = () => {
      if (!this.#timerIsForBatch && !this.#exchanging) this.#schedule(this.#limits.batchMs, true);
    };
    return {
      add: (key, amount, forgetting) => {
        this.#pending.add(`${name} ${key}`, amount, forgetting);
        changed();
      },
      reset: (key) => {
        this.#pending.reset(`${name} ${key}`, memoryOfResetMs);
        changed();
      },
    };
  }

  /** Writes and reads now what it would soon. Resolves also when the database is away. */
  exchange(): Promise<void> {
    this.#exchanging ??= this.#exchange().finally(() => {
      this.#exchanging = null;
      if (this.#isClosed) return;
      const isMore = (this.#pending.size > 0 || this.#endedBefore !== null) && !this.#isAway;
      this.#schedule(isMore ? this.#limits.batchMs : this.#limits.readMs, isMore);
    });
    return this.#exchanging;
  }

  /** Gives the jobs to others, and writes what waits. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.#database.close();
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#using;
    await this.#exchanging;
    try {
      if (this.#pending.size > 0) await this.#exchange();
      if (this.#lease.isHeld) await this.#lease.release((work) => this.#database.transact(null, work));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#failed(error);
    }
    await this.#database.close();
  }

  #schedule(ms: number, isForBatch: boolean): void {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#timerIsForBatch = isForBatch;
    this.#timer = this.#clock.schedule(ms, () => {
      this.#timerIsForBatch = false;
      this.exchange().catch(this.#failed);
    });
  }

  async #exchange(): Promise<void> {
    const { countsPerWrite, countsRead } = this.#limits;
    const taken = this.#pending.take(countsPerWrite);
    const began = this.#clock.now();
    let isWritten = false;
    try {
      const { moment, counts, since, endedBefore } = await this.#database.transact(
        null,
        async (transaction) => {
          const now = await momentOf(transaction, randomBytes(8));
          if (!now) throw new StoreUnavailable('BUSY', 'another node begins too', 'the database');
          const own = taken.size > 0 ? await addCounts(transaction, taken, now.now, this.#id) : [];
          const isSame = now.epoch.equals(this.#moment.epoch);
          const from = isSame ? this.#since : everything;
          const others = await countsSince(transaction, from, now, this.#id, countsRead);
          const before = (isSame ? this.#endedBefore : null) ?? now.before;
          return {
            moment: now,
            counts: [...others.counts, ...own],
            // What had not ended when the first page was read is read again, after the last one.
            since: others.next ?? before,
            endedBefore: others.next === null ? null : before,
          };
        },
      );
      isWritten = true;
      this.#isAway = false;
      this.#moment = moment;
      this.#offset = moment.now - (began + this.#clock.now()) / 2;
      this.#since = since;
      this.#endedBefore = endedBefore;
      for (const counted of counts) this.#learn(counted);
      // A closed one takes nothing more.
      if (!this.#isClosed && this.#lease.isDue)
        await this.#lease.renew((work) => this.#database.transact(null, work));
      await this.#sweep();
    } catch (error) {
      this.#isAway = true;
      // What has failed for another reason would fail again.
      if (!(error instanceof StoreUnavailable)) this.#failed(error);
      else if (!isWritten) this.#pending.putBack(taken);
    }
  }

  /** What was added meanwhile comes on top. */
  #learn({ key, count, agoMs }: Counted): void {
    const end = key.indexOf(' ');
    const pending = this.#pending.of(key);
    const known = pending?.isReset ? 0 : count;
    const ago = pending ? 0 : agoMs;
    this.#learners.get(key.slice(0, end))?.(key.slice(end + 1), known + (pending?.amount ?? 0), ago);
  }

  async #sweep(): Promise<void> {
    const { sweepMs, countsKept, sweptAtOnce } = this.#limits;
    if (this.#clock.now() - this.#sweptAt < sweepMs) return;
    this.#sweptAt = this.#clock.now();
    await this.#database.transact(null, (transaction) =>
      sweep(transaction, this.#moment.now, countsKept, sweptAtOnce),
    );
  }

  async #useAll(): Promise<void> {
    while (this.#uses.size > 0) {
      const all = [...this.#uses];
      const batch = all.slice(0, this.#limits.usesPerWrite);
      const underWay = new Map(batch);
      try {
        const first = await this.#database.transact(null, (transaction) =>
          useUp(transaction, [...underWay.values()]),
        );
        for (const [name, { ms, answer }] of underWay) {
          this.#used.set(name, this.#clock.now() + ms);
          answer(first.has(name));
        }
      } catch (error) {
        for (const { fail } of underWay.values()) fail(error);
      }
      for (const name of underWay.keys()) this.#uses.delete(name);
    }
    this.#using = null;
  }

  #forgetUsed(): void {
    const now = this.#clock.now();
    for (const [name, until] of this.#used) {
      if (until > now) return;
      this.#used.delete(name);
    }
  }
}

async function firstMoment(database: Database): Promise<Moment> {
  for (let tries = 0; tries < 3; tries++) {
    const moment = await database.transact(null, (transaction) => momentOf(transaction, randomBytes(8)));
    if (moment) return moment;
  }
  throw new StoreUnavailable('BUSY', 'other nodes begin too', 'the database');
}
