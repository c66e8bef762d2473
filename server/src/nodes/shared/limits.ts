/** Bounds of what nodes know together. */
export interface SharedStateLimits {
  /** How often a node reads what others have counted, ms: half of the 2 s within which it counts. */
  readonly readMs: number;
  /** How long an addition waits for others, ms. */
  readonly batchMs: number;
  /** Keys whose additions wait at one node. Beyond it, the one that waits longest is not told to others. */
  readonly countsWaiting: number;
  /** Keys that one transaction changes. */
  readonly countsPerWrite: number;
  /** Keys that one transaction reads: more than one changes. */
  readonly countsRead: number;
  /** Keys that are kept of all nodes. Beyond it, those that would be forgotten first are. */
  readonly countsKept: number;
  /** Keys that one node has used up and that have not expired: those of all kinds, each of which has a lower bound. */
  readonly used: number;
  /** Keys that wait at one node to be used up. */
  readonly usesWaiting: number;
  /** Keys that one transaction uses up. */
  readonly usesPerWrite: number;
  /** How often a node removes what has expired, ms. */
  readonly sweepMs: number;
  /** Rows that one sweep removes of a kind. */
  readonly sweptAtOnce: number;
  /** For how long a node has the jobs after it has renewed that, ms; and how long others watch before they take them over. */
  readonly leaseMs: number;
}

export const sharedStateLimits: SharedStateLimits = {
  readMs: 1_000,
  batchMs: 100,
  countsWaiting: 10_000,
  countsPerWrite: 500,
  countsRead: 2_000,
  countsKept: 100_000,
  used: 55_000,
  usesWaiting: 5_000,
  usesPerWrite: 500,
  sweepMs: 10_000,
  sweptAtOnce: 10_000,
  leaseMs: 12_000,
};
