import type { Transaction } from '../../store/postgresql/database.ts';
import type { PendingCount } from './pending-counts.ts';

type Query = Pick<Transaction, 'query'>;

/** As the database sees it. */
export interface Moment {
  readonly epoch: Buffer;
  /** Its clock, ms. */
  readonly now: number;
  /** Every transaction before this one has ended. */
  readonly before: string;
}

/** `epoch`: for a state that is empty. `null`: another node makes it at the same time. */
export async function momentOf({ query }: Query, epoch: Buffer): Promise<Moment | null> {
  const [row] = await query<{ epoch: Buffer | null; now: number; before: string }>(
    `WITH made AS (INSERT INTO rm_reflector.shared_epoch (epoch)
       SELECT $1::bytea WHERE NOT EXISTS (SELECT FROM rm_reflector.shared_epoch) ON CONFLICT DO NOTHING RETURNING epoch)
     SELECT coalesce((SELECT epoch FROM rm_reflector.shared_epoch), (SELECT epoch FROM made)) AS epoch,
       floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
       pg_snapshot_xmin(pg_current_snapshot())::text AS before`,
    epoch,
  );
  return row?.epoch ? { ...row, epoch: row.epoch } : null;
}

/** A key to be used up, once, of this epoch. */
export interface Use {
  readonly key: Buffer;
  readonly epoch: Buffer;
  readonly ms: number;
}

/** Returns the keys that nobody had used, in hexadecimal. In the order of the keys, so that two nodes do not wait for each other. */
export async function useUp({ query }: Query, uses: readonly Use[]): Promise<Set<string>> {
  const rows = await query<{ key: Buffer }>(
    `WITH clock AS (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
     INSERT INTO rm_reflector.shared_used AS u (key, until)
       SELECT n.key, clock.now + n.ms FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS n (key, epoch, ms)
         JOIN rm_reflector.shared_epoch AS e ON e.epoch = n.epoch, clock
       ORDER BY n.key
     ON CONFLICT (key) DO UPDATE SET until = excluded.until
       WHERE u.until < floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
     RETURNING key`,
    uses.map(({ key }) => key),
    uses.map(({ epoch }) => epoch),
    uses.map(({ ms }) => ms),
  );
  return new Set(rows.map(({ key }) => key.toString('hex')));
}

export interface Counted {
  readonly key: string;
  /** As it is now. */
  readonly count: number;
  readonly agoMs: number;
}

/** Adds, and returns what each of the keys has then. */
export async function addCounts(
  { query }: Query,
  counts: ReadonlyMap<string, PendingCount>,
  now: number,
  writer: string,
): Promise<Counted[]> {
  const values = [...counts.values()];
  return query<Counted>(
    `INSERT INTO rm_reflector.shared_counts AS c (key, count, per_ms, at, until, is_reset, writer, changed)
       SELECT n.key, n.amount, n.per_ms, $6::bigint, $6::bigint + n.memory, n.is_reset, $7, pg_current_xact_id()
       FROM unnest($1::text[], $2::float8[], $3::float8[], $4::bigint[], $5::boolean[])
         AS n (key, amount, per_ms, memory, is_reset)
       ORDER BY n.key
     ON CONFLICT (key) DO UPDATE SET
       count = excluded.count + CASE WHEN excluded.is_reset OR c.until < excluded.at THEN 0
         ELSE greatest(0, c.count - greatest(0, excluded.at - c.at) * c.per_ms) END,
       per_ms = excluded.per_ms, at = greatest(c.at, excluded.at), until = excluded.until, is_reset = excluded.is_reset,
       writer = excluded.writer, changed = excluded.changed
     RETURNING key, count, 0 AS "agoMs"`,
    [...counts.keys()],
    values.map(({ amount }) => amount),
    values.map(({ perMs }) => perMs),
    values.map(({ memoryMs }) => Math.ceil(memoryMs)),
    values.map(({ isReset }) => isReset),
    now,
    writer,
  );
}

/**
 * What others have changed in transactions that had not ended before `since`, the oldest first. `next`: there may be more, from there
 * on; a transaction that has not ended yet may come before it.
 */
export async function countsSince(
  { query }: Query,
  since: string,
  { now }: Moment,
  writer: string,
  most: number,
): Promise<{ readonly counts: readonly Counted[]; readonly next: string | null }> {
  const rows = await query<Counted & { changed: string }>(
    `SELECT key, greatest(0, count - greatest(0, $2::bigint - at) * per_ms) AS count,
       greatest(0, $2::bigint - at) AS "agoMs", changed::text AS changed
     FROM rm_reflector.shared_counts WHERE changed >= $1::xid8 AND writer <> $3 AND until >= $2::bigint
     ORDER BY rm_reflector.shared_counts.changed LIMIT $4`,
    since,
    now,
    writer,
    most,
  );
  return { counts: rows, next: rows.length >= most ? (rows.at(-1)?.changed ?? null) : null };
}

/** Removes what has expired, and of counts beyond `kept` those that would be forgotten first. */
export async function sweep({ run }: Pick<Transaction, 'run'>, now: number, kept: number, most: number) {
  await run(
    `DELETE FROM rm_reflector.shared_used WHERE key IN
       (SELECT key FROM rm_reflector.shared_used WHERE until < $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    now,
    most,
  );
  await run(
    `DELETE FROM rm_reflector.shared_counts WHERE key IN
       (SELECT key FROM rm_reflector.shared_counts WHERE until < $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    now,
    most,
  );
  await run(
    `DELETE FROM rm_reflector.shared_counts WHERE key IN
       (SELECT key FROM rm_reflector.shared_counts ORDER BY until
        LIMIT least($2, greatest(0, (SELECT count(*) FROM rm_reflector.shared_counts) - $1)) FOR UPDATE SKIP LOCKED)`,
    kept,
    most,
  );
}
