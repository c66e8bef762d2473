/** Where devices are led that find no place here. */
export class OtherReflectors {
  readonly #urls: readonly string[];
  #next = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  /** One after the other, so that all get as many; `null` if there is none. */
  next(): string | null {
    return this.#urls[this.#next++ % this.#urls.length] ?? null;
  }
}
