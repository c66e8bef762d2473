import { StoreUnavailable } from 'rm-reflector/ports';
import type { Random } from '../../../../protocol/src/testing/random.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { SimulatedTime } from './simulated-time.ts';

export const databaseHost = 'database';

/** How long a call waits for an answer, ms: as `PostgresqlMembership` does. */
export const answerMs = 4_000;

const unavailable = (code: string) => new StoreUnavailable(code, 'simulated', 'the database');

/** The way of calls to the data that all nodes share. A call is done or not; the answer may say neither. */
export class SimulatedDatabase {
  readonly #time: SimulatedTime;
  readonly #network: Network;
  readonly #random: Random;
  #isUp = true;
  /** Of the primary: a connection to a former one is lost. */
  #term = 1;
  /** Since when it has been up, simulated ms. */
  upSince = 0;

  constructor(time: SimulatedTime, network: Network, random: Random) {
    this.#time = time;
    this.#network = network;
    this.#random = random;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  down(): void {
    this.#isUp = false;
    this.#term++;
  }

  up(): void {
    this.#isUp = true;
    this.upSince = this.#time.now;
  }

  /** Since when a host could use it without a break; `null`: it cannot. */
  usableSince(host: string): number | null {
    const open = this.#network.openSince(host, databaseHost);
    return this.#isUp && open !== null ? Math.max(open, this.upSince) : null;
  }

  /** `work` is one transaction. Rejects as `Database` does. */
  call<Result>(machine: Machine, work: () => Result): Promise<Result> {
    const { host } = machine;
    return new Promise((resolve, reject) => {
      let isOver = false;
      /** COMMIT was sent, so nobody knows. */
      let committing = false;
      const timer = machine.clock.schedule(answerMs, () => fail(committing ? 'UNKNOWN' : 'ETIMEDOUT'));
      const finish = (act: () => void) => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        act();
      };
      const fail = (code: string) => finish(() => reject(unavailable(code)));
      const answer = (act: () => void) =>
        this.#network.carry(databaseHost, host, () => machine.deliver(() => finish(act)));
      const lose = (code: string) => answer(() => reject(unavailable(code)));
      // The statements before COMMIT, and then that.
      this.#network.carry(host, databaseHost, () => {
        if (!this.#isUp) return lose('ECONNREFUSED');
        if (isOver || machine.isDead) return;
        const term = this.#term;
        this.#network.carry(databaseHost, host, () =>
          machine.deliver(() => {
            if (isOver) return;
            committing = true;
            this.#network.carry(host, databaseHost, () => {
              // What the kernel has of a process that has ended, or has given up, may still come.
              if ((isOver || machine.isDead) && this.#random.chance(0.5)) return;
              if (term !== this.#term) return lose('UNKNOWN');
              let result: Result;
              try {
                result = work();
              } catch (error) {
                answer(() => reject(error));
                return;
              }
              answer(() => resolve(result));
            });
          }),
        );
      });
    });
  }
}
