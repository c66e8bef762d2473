import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { LastingDatabase } from 'rm-reflector/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from './migrate.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-migrate-'));
  path = join(folder, 'server.sqlite');
  await SqliteStore.open(path).close();
});
afterEach(() => rmSync(folder, { recursive: true }));

test('steps are done once, those of each part in their order', () => {
  const database = new LastingDatabase(path);
  migrate(database, { a: ['CREATE TABLE fleet_a (x)'], b: ['CREATE TABLE fleet_b (x)'] });
  migrate(database, {
    a: ['CREATE TABLE fleet_a (x)', 'ALTER TABLE fleet_a ADD COLUMN y'],
    b: ['CREATE TABLE fleet_b (x)'],
  });
  const versions = database.prepare('SELECT part, version FROM fleet_schema ORDER BY part').all();
  expect(versions).toEqual([
    { part: 'a', version: 2 },
    { part: 'b', version: 1 },
  ]);
  database.prepare('INSERT INTO fleet_a (x, y) VALUES (1, 2)').run();
  database.close();
});

test('a file of a newer server is refused, and left as it is', () => {
  const database = new LastingDatabase(path);
  migrate(database, { a: ['CREATE TABLE fleet_a (x)', 'CREATE TABLE fleet_later (x)'] });
  expect(() =>
    migrate(database, { a: ['CREATE TABLE fleet_a (x)'], b: ['CREATE TABLE fleet_b (x)'] }),
  ).toThrow('made by a newer rm-server (its "a" is of version 2, this one knows 1)');
  expect(() => database.prepare('SELECT * FROM fleet_b')).toThrow('no such table');
  database.close();
});

test('a step that fails leaves everything as it was', () => {
  const database = new LastingDatabase(path);
  expect(() => migrate(database, { a: ['CREATE TABLE fleet_a (x)'], b: ['CREATE TABLE ('] })).toThrow();
  expect(() => database.prepare('SELECT * FROM fleet_a')).toThrow('no such table');
  database.close();
});
