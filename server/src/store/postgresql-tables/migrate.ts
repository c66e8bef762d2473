import { StoreError } from 'rm-reflector/ports';
import { type Database, lockStatement, type Transaction } from '../postgresql/database.ts';
import { makeSchema } from '../postgresql/migrate.ts';
import { schema } from './schema.ts';

interface Version {
  readonly part: string;
  readonly version: number;
}

/**
 * Brings the tables of the server up to date, each part in its order, all in one transaction. Rejects with {@link StoreError}
 * when one of them was made by a newer server, and when the Store has no tables there yet.
 */
export async function migrate(database: Database, parts = schema): Promise<void> {
  await database.transact(null, (transaction) => migrateWithin(transaction, parts));
}

/** The same as part of a transaction. */
export async function migrateWithin(transaction: Transaction, parts = schema): Promise<void> {
  const { query, run, script } = transaction;
  await query(lockStatement('migration'));
  const [there] = await query<{ store: boolean }>(
    "SELECT to_regclass('rm_reflector.store') IS NOT NULL AS store",
  );
  if (!there?.store) throw new StoreError('the database: the tables of the reflector are not there');
  await makeSchema(transaction, 'rm_server');
  await script(
    'CREATE TABLE IF NOT EXISTS rm_server.parts (part text COLLATE "C" PRIMARY KEY, version integer NOT NULL)',
  );
  const rows = await query<Version>('SELECT part, version FROM rm_server.parts');
  const versions = new Map(rows.map(({ part, version }) => [part, version]));
  for (const [part, version] of versions) {
    const known = parts[part]?.length ?? 0;
    if (version > known) {
      throw new StoreError(
        `the database: made by a newer rm-server (its "${part}" is of version ${version}, this one knows ${known})`,
      );
    }
  }
  for (const [part, steps] of Object.entries(parts)) {
    for (const step of steps.slice(versions.get(part) ?? 0)) await script(step);
    await run(
      `INSERT INTO rm_server.parts (part, version) VALUES ($1, $2)
       ON CONFLICT (part) DO UPDATE SET version = excluded.version`,
      part,
      steps.length,
    );
  }
}
