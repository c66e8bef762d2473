import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, systemClock } from 'rm-reflector/program';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from '../store/postgresql/postgresql-store.ts';
import { PostgresqlTables } from '../store/postgresql-tables/postgresql-tables.ts';
import { serverProgram } from './server-program.ts';

const patient = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000 };

let database: PostgresqlServer;
let file: string;
beforeAll(async () => {
  database = await PostgresqlServer.start(5432);
  file = join(database.folder, 'rm-server.json');
  writeFileSync(file, JSON.stringify({ store: { url: database.url() } }));
});
afterAll(() => database.end());

async function command(...args: string[]) {
  let [out, err] = ['', ''];
  const context = {
    environment: {},
    clock: systemClock,
    print: (text: string) => {
      out += text;
    },
    printError: (text: string) => {
      err += text;
    },
    ask: async () => null,
  };
  const status = await run([...args, '--config', file], context, serverProgram);
  return { status, out, err };
}

test('drain says to a node that it takes no more devices, and tells who there is otherwise', async () => {
  expect(await command('drain')).toEqual({
    status: 78,
    out: '',
    err: 'rm-server: drain: name the node: the configuration has no key "node"\n',
  });
  expect(await command('drain', 'one')).toEqual({
    status: 1,
    out: '',
    err: 'rm-server: drain: no node one runs; there is none\n',
  });
  const address = { url: database.url(), limits: patient };
  await (await PostgresqlStore.open(address)).close();
  await (await PostgresqlTables.open(address)).close();
  await database.sql(`INSERT INTO rm_server.fleet_nodes (epoch, name, instance, address, lease_until) VALUES
    (1, 'one', 'a', '', now() + interval '1 h'), (2, 'two', 'b', '', now() + interval '1 h'), (3, 'dead', 'c', '', now())`);
  expect(await command('drain', 'dead')).toMatchObject({
    status: 1,
    err: 'rm-server: drain: no node dead runs; there are one, two\n',
  });
  expect(await command('drain', 'one')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^node one: takes no more devices; .* 60 seconds/),
  });
  expect(await database.sql('SELECT name FROM rm_server.fleet_nodes WHERE draining')).toEqual(['one']);
});
