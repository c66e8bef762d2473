/**
 * Counts what each user has under way: requests, WebSockets and client tunnels. One user, or one stolen password, gets
 * at most so many of them that everybody else still finds a place.
 */
export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #underWay = new Map<string, number>();

  /** `limit`: `limits.exchangesPerUser`. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Users with something under way. */
  get size(): number {
    return this.#underWay.size;
  }

  /** What ends it, to be called once; `null` when the user has too much under way. */
  begin(user: string): (() => void) | null {
    const count = this.#underWay.get(user) ?? 0;
    if (count >= this.#limit) return null;
    this.#underWay.set(user, count + 1);
    return () => {
      const left = (this.#underWay.get(user) ?? 1) - 1;
      if (left > 0) this.#underWay.set(user, left);
      else this.#underWay.delete(user);
    };
  }
}
