import type { Database } from '../store/postgresql/database.ts';

/** The name of the row of a server that is no node: none that a node may have. Its row counts as superseded, so it is no node to others. */
export const loner = '';

/** Whether there is such a server, whose lease lasts; `$1` is {@link loner}. */
export const loneServerRuns =
  'SELECT FROM rm_server.fleet_nodes WHERE name = $1 AND lease_until > clock_timestamp()';

/** Of the row of a node: its lease lasts. */
export const lives = 'NOT superseded AND lease_until > clock_timestamp()';

/** The end of a lease that begins now: by the clock of the database. */
export function leaseEnd(leaseMs: number): string {
  return `clock_timestamp() + interval '${leaseMs} milliseconds'`;
}

/** Whether the database has the tables of nodes. */
export async function hasNodes(database: Database): Promise<boolean> {
  const [found] = await database.read<{ there: boolean }>(
    "SELECT to_regclass('rm_server.fleet_nodes') IS NOT NULL AS there",
  );
  return found?.there ?? false;
}
