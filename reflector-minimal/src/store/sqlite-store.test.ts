import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Installation } from '../installation.ts';
import { storeConformance } from '../ports/conformance/store.ts';
import { type DeviceKey, StoreError } from '../ports/store.ts';
import { LastingDatabase } from './lasting-database.ts';
import { migrations } from './migrations.ts';
import { SqliteStore } from './sqlite-store.ts';

storeConformance('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rm-reflector-store-'));
  const path = join(folder, 'reflector.sqlite');
  const opened: SqliteStore[] = [];
  const open = () => {
    const store = SqliteStore.open(path);
    opened.push(store);
    let now = 0;
    // The clock goes on with each call, so that a failure is never remembered.
    store.watch({ busyMs: 1, retryMs: 1, now: () => ++now, failed: () => {}, recovered: () => {} });
    return store;
  };
  return {
    store: open(),
    openAgain: async () => open(),
    makeUnavailable: async () => {
      const holder = new LastingDatabase(path);
      holder.exec('BEGIN EXCLUSIVE');
      return async () => {
        holder.close();
      };
    },
    end: async () => {
      for (const store of opened) await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };

async function keyOf(store: SqliteStore, id = 'dev1'): Promise<DeviceKey> {
  const device = await store.devices.get(id);
  if (!device) throw new Error('no device');
  return device;
}

describe('the data file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-store-'));
    path = join(folder, 'state', 'reflector.sqlite');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('keeps users, devices, key and domain in one private file', async () => {
    const store = SqliteStore.open(path);
    const installation = new Installation(store);
    const [key, domain] = [await installation.tokenKey(), await installation.domain()];
    expect(key).toHaveLength(32);
    expect(domain).toMatch(/^[0-9a-f-]{36}$/);
    await store.users.add('alice', 'hash', 1, 'user');
    await store.devices.add({ id: 'dev1', domain, secrets }, 2, null);
    for (const name of readdirSync(join(folder, 'state'))) {
      expect(statSync(join(folder, 'state', name)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
    await store.close();
    await store.close();
    expect(readdirSync(join(folder, 'state'))).toEqual(['reflector.sqlite']);
    const again = SqliteStore.open(path);
    const same = new Installation(again);
    expect((await same.tokenKey()).equals(key)).toBe(true);
    expect(await same.domain()).toBe(domain);
    expect(await again.users.get('alice')).toMatchObject({ name: 'alice', password: 'hash', created: 1 });
    expect(await again.devices.get('dev1')).toMatchObject({
      domain,
      claimed: true,
      online: false,
      connects: 0,
      properties: {},
    });
    await again.close();
  });

  test('notices that its file was deleted or replaced', async () => {
    const store = SqliteStore.open(path);
    await store.check();
    const memory = SqliteStore.open(':memory:');
    await memory.check();
    await memory.close();
    rmSync(path);
    await expect(store.check()).rejects.toThrow(
      `data file ${path}: was deleted or replaced while it was in use`,
    );
    await SqliteStore.open(path).close();
    await expect(store.check()).rejects.toThrow(StoreError);
    await store.close();
    await expect(store.check()).rejects.toThrow(StoreError);
  });

  test('refuses a file of a newer version, one that is none, and a folder, in one line', async () => {
    await SqliteStore.open(path).close();
    const database = new LastingDatabase(path);
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(() => SqliteStore.open(path)).toThrow(
      /reflector\.sqlite: made by a newer program \(version 99, this one knows \d+\)$/,
    );
    const text = new URL(import.meta.url).pathname;
    expect(() => SqliteStore.open(text)).toThrow(StoreError);
    expect(() => SqliteStore.open(folder)).toThrow(StoreError);
  });

  test('of the first version: its users saw every device, and stay able to', async () => {
    mkdirSync(join(folder, 'state'));
    const database = new LastingDatabase(path);
    database.exec(migrations[0] ?? '');
    database.exec('PRAGMA user_version = 1');
    database.prepare("INSERT INTO users VALUES ('alice', 'hash', 1)").run();
    database.close();
    const store = SqliteStore.open(path);
    expect(await store.users.page('', 10)).toEqual([
      {
        name: 'alice',
        uid: expect.stringMatching(/^[0-9a-f]{16}$/),
        password: 'hash',
        created: 1,
        role: 'administrator',
        domains: [],
        totpSecret: null,
      },
    ]);
    await store.close();
  });

  test('a device that replaces one nobody has claimed inherits nothing of it', async () => {
    const store = SqliteStore.open(':memory:');
    await store.devices.addUnclaimed(
      { id: 'dev1', domain: 'd1', password: 'first' },
      { address: '192.0.2.1', network: 'n' },
      1,
      { all: 10, ofNetwork: 10 },
    );
    const former = await keyOf(store);
    await store.devices.noteRefused(former, 2, { reason: 'wrong password', address: '192.0.2.1' });
    await store.devices.add({ id: 'dev1', domain: 'd2', secrets }, 3, null);
    expect(await store.devices.get('dev1')).toMatchObject({
      created: 3,
      address: '',
      refused: null,
      handedOver: false,
      certificatesSince: null,
    });
    expect((await keyOf(store)).uid).not.toBe(former.uid);
    await store.close();
  });

  test('of before devices had an identity: each gets one, and certificates count where there is no sign of a password', async () => {
    mkdirSync(join(folder, 'state'));
    const database = new LastingDatabase(path);
    for (const step of migrations.slice(0, 3)) database.exec(step);
    database.exec('PRAGMA user_version = 3');
    const insert = database.prepare(
      `INSERT INTO devices (id, domain, claimed, password, digest_sha256, created, fingerprint)
       VALUES (?, 'd', ?, 'hash', ?, 1000, ?)`,
    );
    insert.run('certificate', 1, null, null);
    insert.run('digest', 1, 'hex', null);
    insert.run('generated', 1, null, Buffer.alloc(32));
    insert.run('waiting', 0, null, null);
    database.close();
    const store = SqliteStore.open(path);
    const day = 24 * 3600_000;
    const devices = [
      ...(await store.devices.page({ domains: null, claimed: true }, '', 10)),
      ...(await store.devices.page({ domains: null, claimed: false }, '', 10)),
    ];
    expect(devices.map(({ id, certificatesSince }) => [id, certificatesSince])).toEqual([
      ['certificate', 1000 - day],
      ['digest', null],
      ['generated', null],
      ['waiting', null],
    ]);
    expect(new Set(devices.map(({ uid }) => uid)).size).toBe(4);
    await store.close();
  });

  test('names changes by any program, and says so when it does not know the oldest any more', async () => {
    const store = SqliteStore.open(path);
    const start = await store.changes.position();
    const database = new LastingDatabase(path);
    database.prepare("INSERT INTO users (name, password, created) VALUES ('alice', 'hash', 1)").run();
    expect(await store.changes.after(start, 10)).toEqual({
      changes: [{ kind: 'user', key: 'alice' }],
      position: start + 1,
      complete: true,
    });
    const rename = database.prepare("UPDATE users SET password = 'hash ' || ? WHERE name = 'alice'");
    database.transaction(() => {
      for (let i = 0; i < 10_000; i++) rename.run(i);
    })();
    database.close();
    const last = await store.changes.position();
    expect(last).toBe(start + 10_001);
    expect(await store.changes.after(start, 10)).toEqual({ changes: [], position: last, complete: false });
    expect((await store.changes.after(start + 1, 10)).changes).toHaveLength(10);
    await store.close();
    const again = SqliteStore.open(path);
    expect(await again.changes.position()).toBe(last);
    await again.close();
  });
});
