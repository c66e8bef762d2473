import type { Host } from '../../host.ts';
import { type Log, messageOf } from '../../log/log.ts';

/** Contains what the page throws: its process carries the tunnels of all devices. */
export class Boundary {
  readonly #log: Pick<Log, 'error'>;
  #failed: (() => void) | null = null;

  constructor(log: Pick<Log, 'error'>) {
    this.#log = log;
  }

  /** Runs a step for a visitor. If it throws, or a timer of {@link clock} that it starts, that is logged, and `failed` is called. */
  run(failed: () => void, step: () => void): void {
    const outer = this.#failed;
    this.#failed = failed;
    try {
      step();
    } catch (error) {
      this.#log.error(`gateway.page: ${messageOf(error)}`);
      failed();
    } finally {
      this.#failed = outer;
    }
  }

  /** The same clock, whose timers run within the boundary of the step that started them. */
  clock(clock: Host['clock']): Host['clock'] {
    return {
      now: () => clock.now(),
      date: () => clock.date(),
      utcOffset: (dateMs) => clock.utcOffset(dateMs),
      schedule: (ms, run) => {
        const failed = this.#failed;
        return clock.schedule(ms, failed ? () => this.run(failed, run) : run);
      },
    };
  }
}
