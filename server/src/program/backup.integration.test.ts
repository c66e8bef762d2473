import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashPassword, SqliteStore } from 'rm-reflector';
import { run, systemClock } from 'rm-reflector/program';
import { DataFileLock, LastingDatabase } from 'rm-reflector/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serverProgram } from './server-program.ts';

const hash = hashPassword('a long enough secret');

describe('backup and restore', () => {
  let folder: string;
  let data: string;
  let file: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rm-server-backup-'));
    data = join(folder, 'server.sqlite');
    file = join(folder, 'backup');
    await add('alice');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function add(name: string) {
    const store = SqliteStore.open(data);
    await store.users.add(name, await hash, 0, 'user');
    await store.close();
  }

  async function users(path = data) {
    const store = SqliteStore.open(path, { existing: true });
    const names = (await store.users.page('', 100)).map(({ name }) => name);
    await store.close();
    return names;
  }

  async function command(...args: string[]) {
    let [out, err] = ['', ''];
    const status = await run(
      args,
      {
        environment: { RM_SERVER_DATA: data },
        clock: systemClock,
        print: (text) => {
          out += text;
        },
        printError: (text) => {
          err += text;
        },
        ask: async () => null,
      },
      serverProgram,
    );
    return { status, out, err };
  }

  test('a place that does not exist is told in one clear line', async () => {
    const place = join(folder, 'nowhere', 'backup');
    expect(await command('backup', place)).toEqual({
      status: 1,
      out: '',
      err: `rm-server: ${place}: no such file or directory\n`,
    });
  });

  test('a backup has what is committed while others write, and only its owner reads it', async () => {
    const writer = SqliteStore.open(data);
    await writer.users.add('bob', await hash, 0, 'user');
    const lock = DataFileLock.take(data);
    expect(await command('backup', file)).toMatchObject({ status: 0, err: '' });
    lock.release();
    await writer.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.partial`)).toBe(false);
    expect(await users(file)).toEqual(['alice', 'bob']);
  });

  test('restore puts it back, and keeps what was there', async () => {
    await command('backup', file);
    await add('mallory');
    expect(await command('restore', file)).toMatchObject({ status: 0, err: '' });
    expect(await users()).toEqual(['alice']);
    expect(statSync(data).mode & 0o777).toBe(0o600);
    expect(await users(`${data}.before-restore`)).toEqual(['alice', 'mallory']);
    expect(existsSync(`${data}.partial`)).toBe(false);
  });

  test('what a crash has left in the log of the file that is replaced does not get into the restored one', async () => {
    await command('backup', file);
    const open = SqliteStore.open(data);
    await open.users.add('mallory', await hash, 0, 'user');
    const [whole, log] = [readFileSync(data), readFileSync(`${data}-wal`)];
    await open.close();
    writeFileSync(data, whole);
    writeFileSync(`${data}-wal`, log);
    expect(await command('restore', file)).toMatchObject({ status: 0 });
    expect(await users()).toEqual(['alice']);
    expect(await users(`${data}.before-restore`)).toEqual(['alice', 'mallory']);
  });

  test('to a machine without a data file', async () => {
    await command('backup', file);
    rmSync(data);
    expect(await command('restore', file)).toMatchObject({ status: 0 });
    expect(await users()).toEqual(['alice']);
  });

  test('nothing is replaced while a server runs', async () => {
    await command('backup', file);
    const lock = DataFileLock.take(data);
    const refused = await command('restore', file);
    lock.release();
    expect(refused).toMatchObject({ status: 74, err: expect.stringContaining('is using it') });
    expect(existsSync(`${data}.before-restore`)).toBe(false);
  });

  const newer = () => {
    const database = new LastingDatabase(file);
    database.exec('PRAGMA user_version = 1000');
    database.close();
  };
  const damaged = () => {
    const bytes = readFileSync(file);
    bytes.fill(0xff, 8_192, 16_384);
    writeFileSync(file, bytes);
  };
  const cut = () => writeFileSync(file, readFileSync(file).subarray(0, 20_000));
  const foreign = () => {
    rmSync(file);
    const database = new LastingDatabase(file);
    database.exec('CREATE TABLE other (x)');
    database.close();
  };
  test.each([
    ['a newer version', newer, 'newer'],
    ['a damaged file', damaged, ''],
    ['half a file', cut, ''],
    ['another database', foreign, 'no data file of rm-server'],
    ['text', () => writeFileSync(file, 'hello'), 'not a database'],
    ['nothing', () => rmSync(file), 'no such file'],
  ])('%s is not restored, and nothing changes', async (_name, spoil, message) => {
    await command('backup', file);
    spoil();
    const refused = await command('restore', file);
    expect(refused.status).not.toBe(0);
    expect(refused.err).toContain(message);
    expect(refused.err.trim().split('\n')).toHaveLength(1);
    expect(await users()).toEqual(['alice']);
    expect(existsSync(`${data}.partial`)).toBe(false);
  });

  test.each([
    [['backup'], 'must be rm-server backup FILE'],
    [['restore', 'a', 'b'], 'must be rm-server restore FILE'],
  ])('%j is told how it is typed', async (args, message) => {
    expect(await command(...args)).toMatchObject({ status: 64, err: expect.stringContaining(message) });
  });

  test('a backup replaces nothing', async () => {
    writeFileSync(file, 'precious');
    expect(await command('backup', file)).toMatchObject({
      status: 1,
      err: expect.stringContaining('exists'),
    });
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });
});
