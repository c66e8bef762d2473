import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from '../store/postgresql/postgresql-store.ts';
import { PostgresqlTables } from '../store/postgresql-tables/postgresql-tables.ts';

/** Starts a database server with the tables in `rm_template`, for `TestServer`. */
export async function setup(): Promise<() => Promise<void>> {
  const server = await PostgresqlServer.start(5432, ['max_connections=400']);
  await server.sql('CREATE DATABASE rm_template');
  const url = server.url().replace(/postgres$/, 'rm_template');
  const limits = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000 };
  await (await PostgresqlStore.open({ url, limits })).close();
  await (await PostgresqlTables.open({ url, limits })).close();
  process.env.RM_TEST_DATABASE = server.folder;
  return () => server.end();
}
