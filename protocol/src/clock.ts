/** A pending timer or look-up. `cancel` may be called at any time, any number of times. */
export interface Cancellable {
  cancel(): void;
}

/** Time, always injected, so that tests decide when it passes. Types only: each program brings the clock of its machine. */
export interface Clock {
  /**
   * Milliseconds of a monotonic clock that nobody can set; the origin is unspecified. Whether it counts the time that the
   * machine sleeps is up to the machine: that of the tiny agent does, Node's does not.
   */
  now(): number;
  /** Wall-clock time in milliseconds since 1970-01-01T00:00:00Z; may jump and may be wrong. */
  date(): number;
  /** Calls `run` once, not before `delayMs` (0 to 2^31-1) milliseconds have passed. */
  schedule(delayMs: number, run: () => void): Cancellable;
}
