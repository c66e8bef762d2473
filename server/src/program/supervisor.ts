import type { Cancellable, Clock } from 'rm-protocol';
import { ExitStatus } from 'rm-reflector/program';
import type { Limits } from '../limits.ts';

/** How a process has ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
}

/** One of the processes that share the work. */
export interface WorkerProcess {
  /** Resolves once it serves; perhaps never. */
  readonly serves: Promise<void>;
  readonly ended: Promise<Ended>;
  signal(signal: NodeJS.Signals): void;
}

export interface SupervisorOptions {
  readonly count: number;
  /** `number`: from 1. */
  start(number: number): WorkerProcess;
  /** Called when all have begun to serve. */
  allServe(): void;
  /** A line for the log. */
  warn(text: string): void;
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'workerRestartMs' | 'workerRestartMaxMs' | 'workerSteadyMs'>;
}

/** What is wrong stays wrong: another process would end in the same way. */
const final: readonly (number | null)[] = [ExitStatus.usage, ExitStatus.configuration];

/** Starts workers, and another one in the place of each that ends by itself. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #running = new Set<WorkerProcess>();
  readonly #waiting = new Set<() => void>();
  #stopping = false;
  #status: number = ExitStatus.ok;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the exit status when all have ended. Each is started when the one before serves: what is wrong is said once, and
   * the tables are made by one of them.
   */
  async run(): Promise<number> {
    const kept: Promise<void>[] = [];
    for (let number = 1; number <= this.#options.count && !this.#stopping; number++) {
      const worker = this.#start(number);
      const ended = await Promise.race([worker.serves.then(() => null), worker.ended]);
      if (!ended) kept.push(this.#keep(number, worker));
      else this.#finish(ended.status ?? ExitStatus.failed);
    }
    if (!this.#stopping) this.#options.allServe();
    await Promise.all(kept);
    return this.#status;
  }

  /** Passes on a signal that this process has got. */
  signal(signal: NodeJS.Signals): void {
    if (signal !== 'SIGHUP') this.#stop();
    for (const worker of this.#running) worker.signal(signal);
  }

  #start(number: number): WorkerProcess {
    const worker = this.#options.start(number);
    this.#running.add(worker);
    void worker.ended.then(() => this.#running.delete(worker));
    return worker;
  }

  async #keep(number: number, first: WorkerProcess): Promise<void> {
    const { clock, limits, warn } = this.#options;
    let waitMs = limits.workerRestartMs;
    for (let worker = first; ; worker = this.#start(number)) {
      const began = clock.now();
      const { status, signal } = await worker.ended;
      if (this.#stopping || final.includes(status)) {
        this.#finish(status ?? ExitStatus.failed);
        return;
      }
      if (clock.now() - began >= limits.workerSteadyMs) waitMs = limits.workerRestartMs;
      const how = signal === null ? `status ${status}` : signal;
      warn(`worker ${number} has ended with ${how}: another one takes its place in ${waitMs / 1000} s`);
      await this.#pause(waitMs);
      if (this.#stopping) return;
      waitMs = Math.min(2 * waitMs, limits.workerRestartMaxMs);
    }
  }

  /** A worker has ended for good, and so do the others. */
  #finish(status: number): void {
    if (this.#status === ExitStatus.ok) this.#status = status;
    if (this.#stopping) return;
    this.signal('SIGTERM');
  }

  #stop(): void {
    this.#stopping = true;
    for (const wake of [...this.#waiting]) wake();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Cancellable | null = null;
      const wake = () => {
        timer?.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      timer = this.#options.clock.schedule(ms, wake);
    });
  }
}
