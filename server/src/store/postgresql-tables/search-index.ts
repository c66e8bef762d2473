import { type Database, lockStatement } from '../postgresql/database.ts';

/**
 * Where the extension is not installed, or the user may not make it or the index, there is none: every database can be searched
 * without. An extension that is not installed is `feature_not_supported`, and `undefined_file` before PostgreSQL 15.
 */
const makeIndex = `DO $do$
  DECLARE home text;
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA rm_server;
    SELECT nspname INTO STRICT home FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX fleet_search_trigrams ON rm_server.fleet_search USING gin (text %I.gin_trgm_ops)', home);
  EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
    PERFORM set_config('rm_server.index_refusal', SQLERRM, true);
  END $do$`;

/**
 * Makes an index of trigrams for the search (postgresql.org/docs/current/pgtrgm.html) unless there is one. It is no step of the
 * schema, because not every database has the extension. Resolves with why it cannot be made, or `null` where it is there. Rejects
 * where it fails for any other reason.
 */
export async function indexSearch(database: Database): Promise<string | null> {
  // Not `to_regclass`: a connection that has found nothing before remembers that for the rest of a transaction.
  const select = `SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'rm_server' AND c.relname = 'fleet_search_trigrams') AS there`;
  if ((await database.read<{ there: boolean }>(select))[0]?.there) return null;
  return database.transact(null, async ({ query, script }) => {
    await query(lockStatement('migration'));
    // Another server may have made it meanwhile.
    if ((await query<{ there: boolean }>(select))[0]?.there) return null;
    await script(makeIndex);
    const [row] = await query<{ refusal: string | null }>(
      "SELECT nullif(current_setting('rm_server.index_refusal', true), '') AS refusal",
    );
    return row?.refusal ?? null;
  });
}
