import { type Database, lockStatement } from '../postgresql/database.ts';

/** Where the extension is not, or may not be made, there is no index: every database can be searched without. */
const makeIndex = `DO $do$
  DECLARE home text;
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA rm_server;
    SELECT nspname INTO STRICT home FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'pg_trgm';
    EXECUTE format('CREATE INDEX fleet_search_trigrams ON rm_server.fleet_search USING gin (text %I.gin_trgm_ops)', home);
  EXCEPTION WHEN OTHERS THEN NULL;
  END $do$`;

/**
 * Makes an index of trigrams for the search (postgresql.org/docs/current/pgtrgm.html) unless there is one. It is no step of the
 * schema, because not every database has the extension. Resolves with false where it cannot be made.
 */
export async function indexSearch(database: Database): Promise<boolean> {
  const isThere = async () => {
    const select = "SELECT to_regclass('rm_server.fleet_search_trigrams') IS NOT NULL AS there";
    return (await database.read<{ there: boolean }>(select))[0]?.there ?? false;
  };
  if (await isThere()) return true;
  await database.transact(null, async ({ query, script }) => {
    await query(lockStatement('migration'));
    await script(makeIndex);
  });
  return isThere();
}
