import type { Limits } from '../limits.ts';

/** Counts the readers of events. */
export class StreamPlaces {
  readonly #limits: Pick<Limits, 'eventStreams' | 'eventStreamsPerUser'>;
  readonly #ofUser = new Map<string, number>();
  #all = 0;

  constructor(limits: Pick<Limits, 'eventStreams' | 'eventStreamsPerUser'>) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#all;
  }

  /** What gives the place back, once; or which bound is reached. */
  take(user: string): (() => void) | 'user' | 'all' {
    const taken = this.#ofUser.get(user) ?? 0;
    if (taken >= this.#limits.eventStreamsPerUser) return 'user';
    if (this.#all >= this.#limits.eventStreams) return 'all';
    this.#ofUser.set(user, taken + 1);
    this.#all++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#all--;
      const left = (this.#ofUser.get(user) ?? 1) - 1;
      if (left === 0) this.#ofUser.delete(user);
      else this.#ofUser.set(user, left);
    };
  }
}
