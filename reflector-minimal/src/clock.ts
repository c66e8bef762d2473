/** Time, injected so that tests decide when it passes. */
export interface Clock {
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Wall-clock milliseconds since 1970-01-01T00:00:00Z. */
  date(): number;
  /** Calls `run` once after `delayMs` (0 to 2^31-1); the returned function cancels it. */
  schedule(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
