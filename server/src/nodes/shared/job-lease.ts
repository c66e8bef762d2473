import type { Clock } from 'rm-protocol';
import type { Transaction } from '../../store/postgresql/database.ts';

interface Row {
  readonly holder: string;
  readonly renewals: number;
}

/**
 * Which node does what is done once for all nodes. It renews its lease in the database; another takes the lease over when it has seen the
 * same renewal for a whole `leaseMs`. So no two nodes believe in it at once, whatever clocks there are, also when the holder was
 * stopped for a while: each counts by its own monotonic clock, the holder from before its renewal, the others from after they have seen it.
 */
export class JobLease {
  readonly #clock: Clock;
  readonly #holder: string;
  readonly #leaseMs: number;
  #until = Number.NEGATIVE_INFINITY;
  /** What another node's row looked like, and since when; monotonic ms. */
  #seen: (Row & { readonly since: number }) | null = null;

  /** `holder`: another text for each process. */
  constructor(clock: Clock, holder: string, leaseMs: number) {
    this.#clock = clock;
    this.#holder = holder;
    this.#leaseMs = leaseMs;
  }

  get isHeld(): boolean {
    return this.#clock.now() < this.#until;
  }

  /** Whether it is to be renewed, or looked at. */
  get isDue(): boolean {
    return this.#until - this.#clock.now() <= (2 * this.#leaseMs) / 3;
  }

  /** Renews it, takes it, or looks who has it. `transact`: a transaction of its own, so that it counts when this resolves. */
  async renew(
    transact: <Result>(work: (transaction: Transaction) => Promise<Result>) => Promise<Result>,
  ): Promise<void> {
    const began = this.#clock.now();
    const seen = this.#seen && began - this.#seen.since >= this.#leaseMs ? this.#seen : null;
    const row = await transact((transaction) => this.#take(transaction, seen));
    if (row === 'mine') {
      this.#until = began + this.#leaseMs;
      this.#seen = null;
      return;
    }
    this.#until = Number.NEGATIVE_INFINITY;
    if (row?.holder === this.#seen?.holder && row?.renewals === this.#seen?.renewals) return;
    this.#seen = row && { ...row, since: this.#clock.now() };
  }

  /** Others may have it at once. */
  async release(
    transact: <Result>(work: (transaction: Transaction) => Promise<Result>) => Promise<Result>,
  ): Promise<void> {
    this.#until = Number.NEGATIVE_INFINITY;
    await transact(({ run }) => run('DELETE FROM rm_reflector.shared_jobs WHERE holder = $1', this.#holder));
  }

  async #take({ query, run }: Transaction, seen: Row | null): Promise<Row | 'mine' | null> {
    const [row] = await query<Row>('SELECT holder, renewals FROM rm_reflector.shared_jobs');
    if (!row) {
      const made = await run(
        'INSERT INTO rm_reflector.shared_jobs (holder, renewals) VALUES ($1, 0) ON CONFLICT DO NOTHING',
        this.#holder,
      );
      return made === 1 ? 'mine' : null;
    }
    const isMine = row.holder === this.#holder;
    const isLeft = seen !== null && row.holder === seen.holder && row.renewals === seen.renewals;
    if (!isMine && !isLeft) return row;
    const taken = await run(
      'UPDATE rm_reflector.shared_jobs SET holder = $1, renewals = renewals + 1 WHERE holder = $2 AND renewals = $3',
      this.#holder,
      row.holder,
      row.renewals,
    );
    return taken === 1 ? 'mine' : row;
  }
}
