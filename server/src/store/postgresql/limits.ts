/** Bounds of a store in PostgreSQL. */
export interface PostgresqlLimits {
  /** Connections to the database, at most. */
  readonly connections: number;
  /** Calls that wait for one of them; more are refused at once. */
  readonly waitingCalls: number;
  /** Of these connections, those that queries of users may have that may take long. */
  readonly longReads: number;
  /** Such queries that wait for that. Beyond it, the user with most of them loses one. */
  readonly longReadsWaiting: number;
  /** How long a call waits for a connection, ms: for a free one, or until a new one is up. */
  readonly connectMs: number;
  /** How long a statement waits for a lock, ms. */
  readonly lockMs: number;
  /** How long the database may work at a statement, ms. */
  readonly statementMs: number;
  /** How long a call waits for any answer, ms; above `statementMs`, which ends what the database can still end itself. */
  readonly answerMs: number;
  /** How long the tables may take to be made or renewed, ms, for each step of that. */
  readonly scriptMs: number;
  /** How long what is noted of connections and sessions waits for more of its kind, ms. */
  readonly batchMs: number;
  /** Records that one batch changes at most. */
  readonly batchRecords: number;
  /** Bytes of properties after which a batch takes no more: 1,000 devices may have 32 MB, which take longer than a statement may. */
  readonly batchBytes: number;
  /** How long what is known of users, sessions and devices counts while the database is away, ms: longer than most failovers take. */
  readonly outageMs: number;
}

export const postgresqlLimits: PostgresqlLimits = {
  connections: 8,
  waitingCalls: 1_000,
  longReads: 3,
  longReadsWaiting: 256,
  connectMs: 3_000,
  lockMs: 2_000,
  statementMs: 5_000,
  answerMs: 8_000,
  scriptMs: 1_800_000,
  batchMs: 50,
  batchRecords: 1_000,
  batchBytes: 1_048_576,
  outageMs: 60_000,
};
