import { limits } from '../limits.ts';

/** How fast bytes move, of the last seconds. `now`: ms of a clock that does not jump. */
export class Rate {
  readonly #samples: { readonly bytes: number; readonly now: number }[] = [];

  /** `bytes`: all until now. Bytes per second; `null`: not known yet. */
  add(bytes: number, now: number): number | null {
    this.#samples.push({ bytes, now });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.now ?? now) > limits.rateMs) {
      this.#samples.shift();
    }
    const [first] = this.#samples;
    if (!first || now === first.now) return null;
    return ((bytes - first.bytes) * 1_000) / (now - first.now);
  }
}
