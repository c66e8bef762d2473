/** Bounds of a node among others. */
export interface NodeLimits {
  /** How long a lease is, ms: by the database's clock. */
  readonly leaseMs: number;
  /** How often it is renewed, ms. */
  readonly renewMs: number;
  /** How long after a call that has failed the next one is tried, ms. */
  readonly retryMs: number;
  /** How often it is read what other nodes have, ms; with the time for reading and writing below the 2,000 ms of Presence. */
  readonly readMs: number;
  /** How long it is waited after a hint that there is something to read, and between two such readings at least, ms. */
  readonly hintMs: number;
  /** How long the connection for hints rests at most before it is opened again, ms: from `retryMs` on, twice as long each time. */
  readonly hintRetryMs: number;
  /** Rows that are read at once. */
  readonly readRows: number;
  /** How long what comes and goes waits for more of its kind, ms. */
  readonly batchMs: number;
  /** Rows that one statement changes at most. */
  readonly batchRows: number;
  /** Bytes of properties after which a batch takes no more. */
  readonly batchBytes: number;
  /** Devices that have gone whose rows are kept, for nodes that have not read of it yet. */
  readonly goneRows: number;
  /**
   * How long a lease must be seen to be over before others note the node's devices off line, ms. After the database was away all
   * leases are over, and the living nodes need the time to renew theirs.
   */
  readonly buryMs: number;
  /** How long the nodes have for telling again what they have, once the database has lost it, ms. */
  readonly retellMs: number;
  /** How long a node that was asked to end a tunnel has for that and for telling it, ms: it reads of it, and we of the end. */
  readonly endMs: number;
  /** Over how long a node that is drained sends its devices away, ms. */
  readonly drainMs: number;
}

export const nodeLimits: NodeLimits = {
  leaseMs: 10_000,
  renewMs: 3_000,
  retryMs: 1_000,
  readMs: 1_000,
  hintMs: 50,
  hintRetryMs: 60_000,
  readRows: 1_000,
  batchMs: 75,
  batchRows: 500,
  batchBytes: 1_048_576,
  goneRows: 20_000,
  buryMs: 6_000,
  retellMs: 10_000,
  endMs: 5_000,
  drainMs: 60_000,
};
