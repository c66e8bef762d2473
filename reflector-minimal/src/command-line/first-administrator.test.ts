import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { matchesHash } from '../passwords/scrypt.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { systemClock } from '../system-clock.ts';
import { ensureAdministrator } from './first-administrator.ts';

describe('the first administrator', () => {
  let folder: string;
  let data: string;
  let store: SqliteStore;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-first-'));
    data = join(folder, 'reflector.sqlite');
    store = SqliteStore.open(data);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  const passwordIn = (text: string) => /^user: admin\npassword: ([a-z2-9]{26})\n$/.exec(text)?.[1] ?? '';
  const isGood = async (password: string) =>
    matchesHash(password, (await store.users.get('admin'))?.password ?? '');

  test('is shown at a terminal, once', async () => {
    const first = await ensureAdministrator(store, data, true, systemClock);
    if (first?.kind !== 'shown') throw new Error('not shown');
    expect(await isGood(passwordIn(first.text))).toBe(true);
    expect((await store.users.get('admin'))?.role).toBe('administrator');
    expect(await ensureAdministrator(store, data, true, systemClock)).toBeNull();
  });

  test('is in a private file where nobody looks, and the next start still says so', async () => {
    const file = join(folder, 'reflector.sqlite.first-administrator');
    const before = process.umask(0);
    try {
      expect(await ensureAdministrator(store, data, false, systemClock)).toEqual({ kind: 'filed', file });
    } finally {
      process.umask(before);
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await isGood(passwordIn(readFileSync(file, 'utf8')))).toBe(true);
    expect(await ensureAdministrator(store, data, false, systemClock)).toEqual({ kind: 'left', file });
    rmSync(file);
    expect(await ensureAdministrator(store, data, false, systemClock)).toBeNull();
  });

  test('is in a private folder where another store has made none', async () => {
    const beside = join(folder, 'state', 'reflector.sqlite');
    const file = `${beside}.first-administrator`;
    expect(await ensureAdministrator(store, beside, false, systemClock)).toEqual({ kind: 'filed', file });
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
  });

  test('is not made where there is any user', async () => {
    await store.users.add('bob', 'hash', 0, 'user');
    expect(await ensureAdministrator(store, data, true, systemClock)).toBeNull();
    expect((await store.users.page('', 10)).map(({ name }) => name)).toEqual(['bob']);
    expect(existsSync(join(folder, 'reflector.sqlite.first-administrator'))).toBe(false);
  });
});
