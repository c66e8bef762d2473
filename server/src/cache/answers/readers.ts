/** Bytes of the cache that users are reading now: what is read cannot go, so that a user who reads nothing would keep it. */
export class Readers {
  readonly #bytes = new Map<string, number>();

  /** `user` reads so many bytes until what is returned is called; `null`: more than `most` with what they read already. */
  begin(user: string, bytes: number, most: number): (() => void) | null {
    const before = this.#bytes.get(user) ?? 0;
    if (before + bytes > most) return null;
    this.#bytes.set(user, before + bytes);
    return () => {
      const left = (this.#bytes.get(user) ?? 0) - bytes;
      if (left > 0) this.#bytes.set(user, left);
      else this.#bytes.delete(user);
    };
  }
}
