import type { Clock } from 'rm-protocol';
import type { Random } from '../../../../protocol/src/testing/random.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** A process on a host of its own. It can stand still, when what comes waits, and end. */
export class Machine {
  readonly host: string;
  readonly clock: Clock;
  readonly #time: SimulatedTime;
  readonly #random: Random;
  #state: 'running' | 'stopped' | 'dead' = 'running';
  /** Timers that became due while it stood still, and what came from outside. */
  #late: (() => void)[] = [];
  #arrived: (() => void)[] = [];
  /** Since when it has run without a stop, by the simulated time. */
  runningSince: number;
  readonly #ends: (() => void)[] = [];

  /** `wallOffset`: what its calendar is ahead, ms. */
  constructor(host: string, time: SimulatedTime, random: Random, wallOffset: number) {
    this.host = host;
    this.#time = time;
    this.#random = random;
    this.runningSince = time.now;
    const origin = random.integer(0, 1_000_000);
    const epoch = Date.UTC(2026, 0, 1) + wallOffset;
    this.clock = {
      now: () => time.now + origin,
      date: () => time.now + epoch,
      schedule: (ms, run) => {
        let cancelled = false;
        const act = () => {
          if (!cancelled) run();
        };
        const forget = time.after(ms, () => {
          if (this.#state === 'running') act();
          else if (this.#state === 'stopped') this.#late.push(act);
        });
        return {
          cancel: () => {
            cancelled = true;
            forget();
          },
        };
      },
    };
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Something comes from outside. */
  deliver(run: () => void): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'stopped') this.#arrived.push(run);
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** SIGCONT. Whether timers or what has come is first depends on where it stood. */
  resume(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    this.runningSince = this.#time.now;
    const [late, arrived] = [this.#late.splice(0), this.#arrived.splice(0)];
    const all = this.#random.chance(0.5) ? [...late, ...arrived] : [...arrived, ...late];
    for (const run of all) this.#time.after(0, () => this.deliver(run));
  }

  /** It ends at once, and what it was about to do does not happen. */
  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#late = [];
    this.#arrived = [];
    for (const end of this.#ends.splice(0)) end();
  }

  /** `run` is called when it ends. */
  onEnd(run: () => void): void {
    this.#ends.push(run);
  }
}
