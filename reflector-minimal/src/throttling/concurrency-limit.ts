/**
 * Limits what one key, such as a user, has under way at the same time: requests, WebSockets and client tunnels. One stolen
 * password cannot take the places of everybody else.
 */
export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #underWay = new Map<string, number>();

  /** `limit`: per key. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Keys with something under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** Returns what ends it, to be called once; `null`: the key has reached the limit. */
  begin(key: string): (() => void) | null {
    const count = this.#underWay.get(key) ?? 0;
    if (count >= this.#limit) return null;
    this.#underWay.set(key, count + 1);
    return () => {
      const left = (this.#underWay.get(key) ?? 1) - 1;
      if (left > 0) this.#underWay.set(key, left);
      else this.#underWay.delete(key);
    };
  }
}
