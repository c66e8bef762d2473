import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DeviceKey, StoreError } from '../ports/store.ts';
import { migrations } from './migrations.ts';
import { Store } from './store.ts';

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };

function keyOf(store: Store, id = 'dev1'): DeviceKey {
  const device = store.devices.get(id);
  if (!device) throw new Error('no device');
  return device;
}

describe('the store', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-store-'));
    path = join(folder, 'state', 'reflector.sqlite');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('keeps users, devices, key and domain in one private file', () => {
    const store = Store.open(path);
    const [key, domain] = [store.tokenKey(), store.domain()];
    expect(key).toHaveLength(32);
    expect(domain).toMatch(/^[0-9a-f-]{36}$/);
    store.users.add('alice', 'hash', 1, 'user');
    store.devices.add('dev1', domain, secrets, 2);
    for (const name of readdirSync(join(folder, 'state'))) {
      expect(statSync(join(folder, 'state', name)).mode & 0o777).toBe(0o600);
    }
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
    store.close();
    store.close();
    expect(readdirSync(join(folder, 'state'))).toEqual(['reflector.sqlite']);
    const again = Store.open(path);
    expect(again.tokenKey().equals(key)).toBe(true);
    expect(again.domain()).toBe(domain);
    expect(again.users.get('alice')).toMatchObject({ name: 'alice', password: 'hash', created: 1 });
    expect(again.devices.get('dev1')).toMatchObject({
      domain,
      claimed: true,
      online: false,
      connects: 0,
      properties: {},
    });
    again.close();
  });

  test('notices that its file was deleted or replaced', () => {
    const store = Store.open(path);
    store.check();
    const memory = Store.open(':memory:');
    memory.check();
    memory.close();
    rmSync(path);
    expect(() => store.check()).toThrow(`data file ${path}: was deleted or replaced while it was in use`);
    Store.open(path).close();
    expect(() => store.check()).toThrow(StoreError);
    store.close();
    expect(() => store.check()).toThrow(StoreError);
  });

  test('says another version after a change by anybody, and the same one otherwise', () => {
    const store = Store.open(path);
    const other = Store.open(path);
    const versions = [store.version('user')];
    const step = (change: () => void) => {
      change();
      versions.push(store.version('user'));
    };
    step(() => {});
    step(() => other.users.add('alice', 'hash', 1, 'user'));
    step(() => store.users.setPassword('alice', 'hash 2'));
    step(() => store.users.remove('nobody'));
    const [start, still, ...changed] = versions;
    expect(still).toBe(start);
    expect(new Set(changed).size).toBe(2);
    expect(changed).not.toContain(start);
    const [users, devices] = [store.version('user'), store.version('device')];
    store.users.add('carol', 'hash', 1, 'user');
    expect([store.version('user') === users, store.version('device') === devices]).toEqual([false, true]);
    store.devices.add('dev1', 'd', secrets, 1);
    expect(store.version('device')).not.toBe(devices);
    // What devices do all the time is no change of who may do what.
    const before = store.version('user');
    store.devices.noteDisconnected(keyOf(store), 2);
    expect(store.version('user')).toBe(before);
    store.close();
    other.close();
  });

  test('refuses a file of a newer version, one that is none, and a folder, in one line', () => {
    Store.open(path).close();
    const database = new Database(path);
    database.pragma('user_version = 99');
    database.close();
    expect(() => Store.open(path)).toThrow(
      /reflector\.sqlite: made by a newer rm-reflector \(version 99, this one knows \d+\)$/,
    );
    const text = new URL(import.meta.url).pathname;
    expect(() => Store.open(text)).toThrow(StoreError);
    expect(() => Store.open(folder)).toThrow(StoreError);
  });

  test('of the first version: its users saw every device, and stay able to', () => {
    mkdirSync(join(folder, 'state'));
    const database = new Database(path);
    database.exec(migrations[0] ?? '');
    database.pragma('user_version = 1');
    database.prepare("INSERT INTO users VALUES ('alice', 'hash', 1)").run();
    database.close();
    const store = Store.open(path);
    expect(store.users.list()).toEqual([
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
    store.close();
  });

  test('keeps which domains a user is granted', () => {
    const store = Store.open(':memory:');
    expect(store.users.empty).toBe(true);
    store.users.add('bob', 'hash', 1, 'user');
    expect([store.users.empty, store.users.get('bob')?.role]).toEqual([false, 'user']);
    expect([store.users.grant('bob', 'd2'), store.users.grant('bob', 'd1')]).toEqual([true, true]);
    expect(store.users.grant('bob', 'd2')).toBe(false);
    expect(store.users.get('bob')?.domains).toEqual(['d1', 'd2']);
    expect([store.users.revoke('bob', 'd2'), store.users.revoke('bob', 'd2')]).toEqual([true, false]);
    expect(store.users.setRole('bob', 'administrator')).toBe(true);
    expect(store.users.get('bob')).toMatchObject({ role: 'administrator', domains: ['d1'] });
    store.users.remove('bob');
    store.users.add('bob', 'hash', 1, 'user');
    expect(store.users.get('bob')?.domains).toEqual([]);
    store.close();
  });

  test('counts what devices do', () => {
    const store = Store.open(':memory:');
    store.devices.add('dev1', 'd', secrets, 1);
    store.devices.noteConnected(keyOf(store), 2, {
      address: '192.0.2.1',
      agent: 'a/1',
      properties: { name: 'x' },
    });
    store.devices.addTraffic(keyOf(store), 10, 20);
    store.devices.addTraffic(keyOf(store), 1, 2);
    expect(store.devices.get('dev1')).toMatchObject({
      online: true,
      connects: 1,
      lastConnect: 2,
      address: '192.0.2.1',
      agent: 'a/1',
      properties: { name: 'x' },
      bytesFrom: 11,
      bytesTo: 22,
      lastSeen: null,
    });
    store.devices.noteDisconnected(keyOf(store), 5);
    expect(store.devices.get('dev1')).toMatchObject({ online: false, lastSeen: 5 });
    store.devices.noteConnected(keyOf(store), 6, { address: '', agent: '', properties: {} });
    store.devices.noteAllOffline();
    expect(store.devices.get('dev1')).toMatchObject({ online: false, connects: 2 });
    store.close();
  });

  test('a device made anew is another one, which inherits nothing', () => {
    const store = Store.open(':memory:');
    store.devices.add('dev1', 'd1', secrets, 1);
    const former = keyOf(store);
    const facts = { address: '192.0.2.1', agent: 'a/1', properties: { name: 'x' } };
    store.devices.remove('dev1', 2);
    store.devices.add('dev1', 'd1', secrets, 3);
    const present = store.devices.get('dev1');
    expect(present?.uid).not.toBe(former.uid);
    expect(present).toMatchObject({ created: 3, handedOver: true });
    // The end of the former one's tunnel comes later.
    store.devices.noteConnected(former, 4, facts);
    store.devices.setProperties(former, facts.properties);
    store.devices.addTraffic(former, 10, 20);
    store.devices.noteDuplicate(former, 4);
    store.devices.noteRefused(former, 4, { reason: 'wrong password', address: '192.0.2.1' });
    store.devices.noteDisconnected(former, 5);
    expect(store.devices.get('dev1')).toEqual(present);
    store.close();
  });

  test('a device that replaces one nobody has claimed inherits nothing of it', () => {
    const store = Store.open(':memory:');
    store.devices.addUnclaimed('dev1', 'd1', { password: 'first', address: '192.0.2.1' }, 1, 10);
    const former = keyOf(store);
    store.devices.noteRefused(former, 2, { reason: 'wrong password', address: '192.0.2.1' });
    store.devices.add('dev1', 'd2', secrets, 3);
    expect(store.devices.get('dev1')).toMatchObject({
      created: 3,
      address: '',
      refused: null,
      handedOver: false,
      certificatesSince: null,
    });
    expect(keyOf(store).uid).not.toBe(former.uid);
    store.close();
  });

  test('the sessions on the hosts of a device end when it is removed', () => {
    const store = Store.open(':memory:');
    store.users.add('alice', 'hash', 0, 'user');
    const alice = store.users.get('alice');
    if (!alice) throw new Error('no user');
    store.devices.add('dev1', 'd', secrets, 1);
    const places = ['dev1', 'dev1-8080', '*dev1', '*dev1-80', 'dev10', 'dev1-x', '*dev2'];
    for (const [i, device] of places.entries()) {
      const times = { created: 0, used: 0, expires: 1 };
      const facts = { user: 'alice', fingerprint: '', parent: null, address: '', agent: '', ...times };
      const session = { ...facts, hash: Buffer.from([i]), kind: 'device' as const, device };
      expect(store.sessions.add(session, alice, { perUser: 100, total: 100 })).toBe(true);
    }
    store.devices.remove('dev1', 2);
    expect(store.sessions.list('alice').map(({ device }) => device)).toEqual(['dev10', 'dev1-x', '*dev2']);
    store.close();
  });

  test('of before devices had an identity: each gets one, and certificates count where there is no sign of a password', () => {
    mkdirSync(join(folder, 'state'));
    const database = new Database(path);
    for (const step of migrations.slice(0, 3)) database.exec(step);
    database.pragma('user_version = 3');
    const insert = database.prepare(
      `INSERT INTO devices (id, domain, claimed, password, digest_sha256, created, fingerprint)
       VALUES (?, 'd', ?, 'hash', ?, 1000, ?)`,
    );
    insert.run('certificate', 1, null, null);
    insert.run('digest', 1, 'hex', null);
    insert.run('generated', 1, null, Buffer.alloc(32));
    insert.run('waiting', 0, null, null);
    database.close();
    const store = Store.open(path);
    const day = 24 * 3600_000;
    expect(store.devices.list().map(({ id, certificatesSince }) => [id, certificatesSince])).toEqual([
      ['certificate', 1000 - day],
      ['digest', null],
      ['generated', null],
      ['waiting', null],
    ]);
    expect(new Set(store.devices.list().map(({ uid }) => uid)).size).toBe(4);
    store.close();
  });

  test('an unclaimed device gives way to one that is added', () => {
    const store = Store.open(':memory:');
    expect(store.devices.addUnclaimed('dev1', 'd1', { password: 'first', address: '' }, 1, 10)).toBe(true);
    expect(store.devices.addUnclaimed('dev1', 'd1', { password: 'second', address: '' }, 1, 10)).toBe(false);
    expect(store.devices.get('dev1')?.password).toBe('first');
    expect(store.devices.add('dev1', 'd2', secrets, 2)).toBe(true);
    expect(store.devices.get('dev1')).toMatchObject({ claimed: true, domain: 'd2', password: 'hash' });
    expect(store.devices.add('dev1', 'd3', secrets, 3)).toBe(false);
    expect(store.devices.claim('dev1', 'd2')).toBe(false);
    store.close();
  });
});
