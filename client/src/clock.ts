/** Monotonic time, injected so that tests need not wait. */
export interface Clock {
  /** Milliseconds from an arbitrary origin. */
  now(): number;
  /** Calls `run` once after `delayMs`; gives what cancels it. */
  schedule(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
