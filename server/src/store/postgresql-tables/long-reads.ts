import { StoreUnavailable } from 'rm-reflector/ports';
import type { PostgresqlLimits } from '../postgresql/limits.ts';
import { UserQueues } from '../user-queues.ts';

/** Queries of users that may take long: few at once, so that they leave connections to all else. The users take turns. */
export class LongReads {
  readonly #limits: Pick<PostgresqlLimits, 'longReads' | 'longReadsWaiting'>;
  readonly #queues = new UserQueues<{ begin(): void; refuse(): void }>();
  #running = 0;

  constructor(limits: Pick<PostgresqlLimits, 'longReads' | 'longReadsWaiting'>) {
    this.#limits = limits;
  }

  /** Queries that wait for others. */
  get waiting(): number {
    return this.#queues.length;
  }

  /** Rejects with `StoreUnavailable` when `longReadsWaiting` wait and no other user has more of them. */
  async run<Result>(user: string, query: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#limits.longReads) await this.#turn(user);
    else this.#running++;
    try {
      return await query();
    } finally {
      const next = this.#queues.next();
      // It takes the place of this one.
      if (next) next.begin();
      else this.#running--;
    }
  }

  #turn(user: string): Promise<void> {
    if (this.#queues.length >= this.#limits.longReadsWaiting) {
      const last = this.#queues.makeRoom(user);
      if (!last) return Promise.reject(tooMany());
      last.refuse();
    }
    return new Promise((resolve, reject) => {
      this.#queues.add(user, { begin: resolve, refuse: () => reject(tooMany()) });
    });
  }
}

function tooMany(): StoreUnavailable {
  return new StoreUnavailable('BUSY', 'too many queries wait', 'the database');
}
