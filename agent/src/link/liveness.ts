/**
 * Decides whether a live link is still alive (`webtunnel.md` section 3), from nothing but the times at which bytes came.
 * Silence for `keepAliveMs` asks for a PING; silence for `answerMs` after it means the link is dead, whatever TCP thinks.
 */
export class Liveness {
  readonly #keepAliveMs: number;
  readonly #answerMs: number;
  #lastSign: number;
  #pingedAt: number | null = null;

  constructor(keepAliveMs: number, answerMs: number, now: number) {
    this.#keepAliveMs = keepAliveMs;
    this.#answerMs = answerMs;
    this.#lastSign = now;
  }

  /** A sign of life: bytes came, or the peer's TCP acknowledged what had filled the queue. */
  sign(now: number): void {
    this.#lastSign = now;
  }

  /** What to do now, and in how many milliseconds to ask again. */
  check(now: number): { readonly action: 'none' | 'ping' | 'dead'; readonly inMs: number } {
    if (this.#pingedAt !== null && this.#lastSign < this.#pingedAt) {
      const left = this.#pingedAt + this.#answerMs - now;
      return left <= 0 ? { action: 'dead', inMs: 0 } : { action: 'none', inMs: left };
    }
    this.#pingedAt = null;
    const left = this.#lastSign + this.#keepAliveMs - now;
    if (left > 0) return { action: 'none', inMs: left };
    this.#pingedAt = now;
    return { action: 'ping', inMs: this.#answerMs };
  }
}
