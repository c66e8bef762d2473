/** Two within this time are no coincidence of a device that changes its network. */
const withinMs = 10 * 60_000;

/**
 * Notices two devices with one identity. Each of them takes the tunnel from the other; what gives them away is that
 * the replaced one is alive when it is replaced, again and again. A device that merely connects anew leaves a dead
 * connection behind.
 */
export class DuplicateDetector {
  /** When the last replaced but living peer of a device was seen, monotonic ms. */
  readonly #seen = new Map<string, number>();

  /** A replaced peer has proved alive; true when it is the second within ten minutes. */
  alive(deviceId: string, now: number): boolean {
    for (const [id, at] of this.#seen) {
      if (now - at <= withinMs) break;
      this.#seen.delete(id);
    }
    const again = this.#seen.has(deviceId);
    // Put last, so that the oldest come first above.
    this.#seen.delete(deviceId);
    this.#seen.set(deviceId, now);
    return again;
  }
}
