import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import type { Recordings } from './recordings.ts';

/** Removes recordings that have been kept for long enough, every now and then. */
export class RecordingSweep {
  readonly #recordings: Pick<Recordings, 'sweep'>;
  readonly #clock: Clock;
  readonly #limits: Pick<Limits, 'recordingSweepMs'>;
  readonly #log: Logger;
  #timer: { cancel(): void } | null = null;

  constructor(
    recordings: Pick<Recordings, 'sweep'>,
    clock: Clock,
    limits: Pick<Limits, 'recordingSweepMs'>,
    log: Logger,
  ) {
    this.#recordings = recordings;
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
  }

  start(): void {
    this.#timer = this.#clock.schedule(this.#limits.recordingSweepMs, () => this.start());
    this.#recordings.sweep().catch((error) => {
      this.#log.error({ err: error }, 'old recordings of terminals are not removed');
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
