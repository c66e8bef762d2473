import { AuthenticatorUnavailable } from 'rm-reflector/ports';

/** Lets a few through at the same time; the others wait in their order, up to a bound. */
export class Turnstile {
  readonly #atOnce: number;
  readonly #waitingAtMost: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(atOnce: number, waiting: number) {
    this.#atOnce = atOnce;
    this.#waitingAtMost = waiting;
  }

  /** Rejects with `AuthenticatorUnavailable` when too many wait. */
  async pass<Result>(action: () => Promise<Result>): Promise<Result> {
    if (this.#inside >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingAtMost)
        throw new AuthenticatorUnavailable('too many log-ins wait');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#inside++;
    }
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside--;
    }
  }
}
