import { randomUUID } from 'node:crypto';
import { StoreError } from 'rm-reflector/ports';
import { type Database, lockStatement, type Transaction } from './database.ts';
import { migrations } from './migrations.ts';

/** What is there; version 0: nothing. */
export async function stateOf(
  database: Pick<Database, 'read'>,
): Promise<{ version: number; id: string | null }> {
  const [there] = await database.read<{ there: boolean }>(
    "SELECT to_regclass('rm_reflector.store') IS NOT NULL AS there",
  );
  if (!there?.there) return { version: 0, id: null };
  const [row] = await database.read<{ version: number; id: string }>(
    'SELECT version, id FROM rm_reflector.store',
  );
  return row ?? { version: 0, id: null };
}

/** Makes or renews the tables of the Store. Returns the id of the data. */
export async function migrate(database: Database): Promise<string> {
  // The usual case needs no right to make tables, and waits for nobody.
  const found = await stateOf(database);
  if (found.version === migrations.length && found.id !== null) return found.id;
  return database.transact(null, migrateWithin);
}

/** The same as part of a transaction. */
export async function migrateWithin(transaction: Transaction): Promise<string> {
  const { query, run } = transaction;
  await query(lockStatement('migration'));
  const [encoding] = await query<{ server_encoding: string }>('SHOW server_encoding');
  if (encoding?.server_encoding !== 'UTF8') {
    throw new StoreError(`the database: its encoding is ${encoding?.server_encoding}; UTF8 is needed`);
  }
  // Two programs may have found nothing at once.
  const { version, id } = await stateOf({ read: query });
  if (version > migrations.length) {
    const known = `version ${version}, this one knows ${migrations.length}`;
    throw new StoreError(`the database: its data was made by a newer program (${known})`);
  }
  if (id === null) {
    await makeSchema(transaction, 'rm_reflector');
    await run(
      `CREATE TABLE rm_reflector.store
       (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), version integer NOT NULL, id text NOT NULL)`,
    );
    await run('INSERT INTO rm_reflector.store (version, id) VALUES (0, $1)', randomUUID());
  }
  for (const step of migrations.slice(version)) await transaction.script(step);
  await run('UPDATE rm_reflector.store SET version = $1', migrations.length);
  return (await stateOf({ read: query })).id ?? '';
}

/** Makes the schema unless it is there. Rejects with {@link StoreError} where the user of the database may not. */
export async function makeSchema({ query, script }: Transaction, name: string): Promise<void> {
  const [found] = await query<{ there: boolean; may: boolean; user: string; database: string }>(
    `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS there,
       has_database_privilege(current_database(), 'CREATE') AS may,
       current_user AS user, current_database() AS database`,
    name,
  );
  if (!found || found.there) return;
  if (!found.may) {
    throw new StoreError(
      `the database: its user ${found.user} may not make the schema ${name}; GRANT CREATE ON DATABASE ${found.database} TO ${found.user}`,
    );
  }
  await script(`CREATE SCHEMA ${name}`);
}
