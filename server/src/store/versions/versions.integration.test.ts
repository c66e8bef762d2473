import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { systemClock } from 'rm-reflector/program';
import { LastingDatabase } from 'rm-reflector/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../limits.ts';
import { TestServer } from '../../testing/test-server.ts';
import { FleetDatabase } from '../fleet-database.ts';

type Row = Readonly<Record<string, unknown>>;

const folderOfVersions = new URL('.', import.meta.url);
const versions = readdirSync(folderOfVersions).filter((name) => name.endsWith('.sql'));
/** When the files of 0.1.0 were made: sessions count then, and nothing is too old to be kept. */
const then = 1_795_906_000_000;
/** bob's, of `POST /token`. */
const token = [
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9',
  'eyJzdWIiOiJib2IiLCJhcHAiOiIiLCJpYXQiOjE3OTU5MDU5MTYsImV4cCI6MTc5NTkzNDcxNiwianRpIjoic01BaGVaN2taWkxoQWdHOGlZd3hYMEJzZWc4dURvRElPLUJmd3RJdXRXbyJ9',
  '6b_3DZmceCVwDdZAxFzIMTb79hIt2WsA_CrEDdChczY',
].join('.');
const key = `rmk_${'A'.repeat(43)}`;

function load(version: string, path: string): void {
  const database = new LastingDatabase(path);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(readFileSync(new URL(version, folderOfVersions), 'utf8'));
  database.close();
}

/** As a start of the server does. */
async function bringUpToDate(path: string): Promise<void> {
  await SqliteStore.open(path).close();
  await new FleetDatabase(path, systemClock, defaultLimits).close();
}

/** Of each table what its rows are; `schema`: what made it. */
function read(path: string): { readonly schema: readonly Row[]; readonly rows: ReadonlyMap<string, Row[]> } {
  const database = new LastingDatabase(path, { readonly: true });
  const all = (sql: string) => database.prepare(sql).all() as Row[];
  const tables = all("SELECT name FROM pragma_table_list WHERE type = 'table' AND schema = 'main'");
  const rows = new Map(
    tables
      .map(({ name }) => String(name))
      .filter((name) => name !== 'sqlite_schema')
      .map((name) => [name, all(`SELECT * FROM "${name}"`)]),
  );
  const schema = all('SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name');
  database.close();
  return { schema, rows };
}

describe.each(versions)('the data file of %s', (version) => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-server-version-'));
    path = join(folder, 'server.sqlite');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('keeps every row when it is brought up to date, and does not change when that is done again', async () => {
    load(version, path);
    const before = read(path).rows;
    await bringUpToDate(path);
    const after = read(path);
    for (const [table, rows] of before) {
      expect(rows.length, `${table} of the fixture is empty`).toBeGreaterThan(0);
      if (table === 'fleet_schema') continue;
      const kept = after.rows.get(table) ?? [];
      if (table !== 'sqlite_sequence') expect(kept, table).toHaveLength(rows.length);
      for (const row of rows) expect(kept, table).toContainEqual(expect.objectContaining(row));
    }
    await bringUpToDate(path);
    expect(read(path)).toEqual(after);
  });

  test('has the tables of a new one then: no published step was changed', async () => {
    load(version, path);
    await bringUpToDate(path);
    const fresh = join(folder, 'new.sqlite');
    await bringUpToDate(fresh);
    expect(read(path).schema).toEqual(read(fresh).schema);
  });

  test('serves its users: by password, token, grant, and its audit log', async () => {
    const offset = then - Date.now();
    const server = await TestServer.start({
      makeData: (data) => load(version, data),
      clock: { ...systemClock, date: () => Date.now() + offset },
    });
    try {
      const [alice, bob] = [server.as('alice'), server.withToken(token)];
      const ids = ({ body }: { readonly body: unknown }) =>
        (body as { items: { id: string }[] }).items.map(({ id }) => id);
      expect(ids(await alice.get('/devices'))).toEqual(['gate-1', 'lamp-1', 'pump-7', 'pump-8']);
      expect(ids(await bob.get('/devices'))).toEqual(
        version.startsWith('rm-server') ? ['lamp-1', 'pump-7', 'pump-8'] : ['pump-7', 'pump-8'],
      );
      expect(ids(await alice.get('/devices?text=hall'))).toEqual(['pump-7']);
      expect((await server.as('carol').get('/devices')).status).toBe(401);
      expect((await alice.get('/devices/pump-7')).body).toMatchObject({
        domain: 'plant-a',
        properties: { system: { site: 'Hall 3' } },
      });
      expect((await alice.get('/audit?event=device-access&user=bob')).body).toMatchObject({
        items: [{ event: 'device-access', device: 'pump-7' }],
      });
    } finally {
      await server.close();
    }
  });
});

test('what rm-server 0.1.0 knew of its fleet is served', async () => {
  const offset = then - Date.now();
  const server = await TestServer.start({
    makeData: (data) => load('rm-server-0.1.0.sql', data),
    clock: { ...systemClock, date: () => Date.now() + offset },
  });
  try {
    const alice = server.as('alice');
    expect((await alice.get('/devices/pump-7')).body).toMatchObject({
      name: 'Pump of hall 3',
      tags: expect.arrayContaining(['pumps', 'hall-3']),
      properties: { user: { room: '12' } },
    });
    expect((await alice.get('/domains/plant-a')).body).toMatchObject({ quotas: { devices: 50 } });
    expect((await alice.get('/groups')).body).toMatchObject({ items: [{ name: 'night' }] });
    expect((await alice.get('/grants?user=bob')).body).toMatchObject({
      items: [{ role: 'operator', domain: 'plant-a' }],
    });
    expect((await server.withToken(key).get('/domains/plant-a')).status).toBe(200);
    expect((await alice.get('/webhooks')).body).toMatchObject({
      items: [{ id: 'wh_first', enabled: false }],
    });
    expect((await alice.get('/enrolment-keys')).body).toMatchObject({ items: [{ name: 'line 3', used: 2 }] });
    expect((await alice.get('/devices/pump-7/traffic')).body).toMatchObject({
      days: [{ day: '2026-11-28' }],
    });
  } finally {
    await server.close();
  }
});
