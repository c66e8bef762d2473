import { storeConformance } from 'rm-reflector/ports/conformance';
import { afterAll, beforeAll } from 'vitest';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from './postgresql-store.ts';

/** The sockets are in a folder of their own, so that the number is nobody else's. */
const [own, pooled] = [5432, 6432];
/** A machine may be busy with much else; and nothing waits for companions. */
const limits = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000, batchMs: 1 };

let server: PostgresqlServer;
let stopPooler: () => Promise<void>;
beforeAll(async () => {
  server = await PostgresqlServer.start(own);
  stopPooler = await server.pooler(pooled);
});
afterAll(() => server.end());

async function subject(port: number, makeUnavailable: () => Promise<() => Promise<void>>) {
  const names = await server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'rm_reflector'");
  const data = names.filter((name) => !['store', 'last_change', 'changes'].includes(name));
  if (data.length > 0) await server.sql(`TRUNCATE ${data.map((name) => `rm_reflector.${name}`).join(', ')}`);
  const opened: PostgresqlStore[] = [];
  const open = async () => {
    const store = await PostgresqlStore.open({ url: server.url(port), limits });
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    openAgain: open,
    makeUnavailable,
    end: async () => {
      for (const store of opened) await store.close();
    },
  };
}

storeConformance('PostgreSQL', () =>
  subject(own, async () => {
    await server.crash();
    return () => server.resume();
  }),
);

storeConformance('PostgreSQL behind pgbouncer in transaction mode', () =>
  subject(pooled, async () => {
    await stopPooler();
    return async () => {
      stopPooler = await server.pooler(pooled);
    };
  }),
);
