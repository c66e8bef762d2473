/**
 * A run of a fuzzer: `RM_SEED` names its beginning and `RM_FUZZ_RUNS` how many inputs it tries; both have fixed values in
 * `npm test`.
 */
export const seed = Number(process.env.RM_SEED ?? 20_261_124);

/** `few`: what `npm test` tries, in a few seconds. */
export function runs(few: number): number {
  return Number(process.env.RM_FUZZ_RUNS ?? few);
}

export const fuzzTimeout = process.env.RM_FUZZ_RUNS === undefined ? 240_000 : 86_400_000;

/** Numbers that are the same for the same seed (xorshift32). */
export class Random {
  #state: number;

  constructor(start: number) {
    this.#state = (start ^ 0x9e3779b9) | 1;
  }

  /** Uniform in 0 … bound-1. */
  below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** `text` with a few places changed, doubled, left out, or with something of `likely` put in. */
  damage(text: string, likely: readonly string[]): string {
    let damaged = text;
    for (let left = this.below(4); left > 0; left--) {
      const at = this.below(damaged.length + 1);
      const length = this.below(6);
      const [before, cut, after] = [
        damaged.slice(0, at),
        damaged.slice(at, at + length),
        damaged.slice(at + length),
      ];
      switch (this.below(5)) {
        case 0:
          damaged = before + after;
          break;
        case 1:
          damaged = before + cut + cut + after;
          break;
        case 2:
          damaged = before + String.fromCharCode(this.below(256)) + after;
          break;
        default:
          damaged = before + this.pick(likely) + (this.chance(2) ? cut : '') + after;
      }
    }
    return damaged;
  }
}
