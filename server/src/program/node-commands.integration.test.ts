import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../../reflector-minimal/src/testing/run-command.ts';
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

const command = (...args: string[]) => runCommand(serverProgram, [...args, '--config', file]);

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

test('nodes says who there is, how many devices each has, and where one of them is', async () => {
  await database.sql(`INSERT INTO rm_server.fleet_nodes (epoch, name, instance, address, lease_until, superseded, draining) VALUES
    (5, 'here', 'd', '10.0.0.5:7443', now() + interval '1 h', false, false),
    (6, 'former', 'e', '10.0.0.6:7443', now() + interval '1 h', true, true),
    (7, '', 'alone', '', now(), true, false)`);
  await database.sql(`INSERT INTO rm_server.fleet_presence (id, uid, epoch, generation, gone, change, address, properties) VALUES
    ('pump-1', 'u1', 5, 1, false, 1, '192.0.2.1', '{}'), ('pump-2', 'u2', 5, 2, false, 2, '192.0.2.2', '{}'),
    ('gone', 'u3', 5, 3, true, 3, '', '{}')`);
  const { status, out, err } = await command('nodes');
  expect([status, err]).toEqual([0, '']);
  expect(out.split('\n')).toEqual([
    'NODE    STATE     DEVICES  ADDRESS',
    'dead    lost      0',
    'former  lost      0        10.0.0.6:7443',
    'here    on line   2        10.0.0.5:7443',
    'one     draining  0',
    'two     on line   0',
    '',
  ]);
  expect(await command('nodes', 'pump-1')).toEqual({
    status: 0,
    out: 'device pump-1: at node here, from 192.0.2.1\n',
    err: '',
  });
  for (const device of ['gone', 'never']) {
    expect(await command('nodes', device)).toEqual({
      status: 1,
      out: '',
      err: `rm-server: nodes: device ${device}: is on line at no node\n`,
    });
  }
});
