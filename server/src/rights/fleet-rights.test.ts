import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import type { Change, Identity, UserRecord } from 'rm-reflector/ports';
import { rightsConformance } from 'rm-reflector/ports/conformance';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { countedTables } from '../testing/counted-tables.ts';
import { FleetRights } from './fleet-rights.ts';

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const proven = { session: null, until: Number.POSITIVE_INFINITY, by: 'x', credential: 'token' } as const;

/** The store with alice in it, and known users that the feed keeps true. */
async function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'rm-server-rights-'));
  const path = join(folder, 'server.sqlite');
  const store = SqliteStore.open(path);
  const clock = new ManualClock();
  const database = new FleetDatabase(path, clock, defaultLimits);
  await store.users.add('alice', 'hash', 0, 'user');
  for (const [id, domain] of [
    ['pump', 'acme'],
    ['valve', 'acme'],
    ['lamp', 'other'],
  ] as const) {
    await store.devices.add({ id, domain, secrets }, 0, null);
  }
  const users = new Map<string, UserRecord>();
  const known = {
    user: (name: string) => users.get(name) ?? null,
    changed: (_change: Change) => {},
  };
  let position = await store.changes.position();
  const follow = async () => {
    const page = await store.changes.after(position, 1_000);
    position = page.position;
    const names = page.changes.filter(({ kind }) => kind === 'user').map(({ key }) => key);
    for (const name of names) users.delete(name);
    return names;
  };
  let reads = 0;
  const counted = countedTables(database, () => reads++);
  const identity = async (key?: string): Promise<Identity> => {
    const user = users.get('alice') ?? (await store.users.get('alice'));
    if (!user) throw new Error('alice is gone');
    users.set('alice', user);
    return { ...proven, user, ...(key === undefined ? {} : { key }) };
  };
  const device = async (id: string) => {
    const found = await store.devices.identity(id);
    if (!found) throw new Error(`no ${id}`);
    return found;
  };
  const grant = (id: string, columns: Record<string, string | number>) =>
    database
      .prepare(
        `INSERT INTO fleet_grants (id, user, team, role, domain, device, ports, until, created, created_by)
         VALUES (@id, @user, @team, @role, @domain, @device, @ports, @until, 0, 'root')`,
      )
      .run({ id, user: null, team: null, domain: null, device: null, ports: null, until: null, ...columns });
  return {
    store,
    clock,
    database,
    rights: new FleetRights(counted, known, clock),
    follow,
    identity,
    device,
    grant,
    reads: () => reads,
    close: async () => {
      await database.close();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

let fleet: Awaited<ReturnType<typeof setUp>>;
beforeEach(async () => {
  fleet = await setUp();
});
afterEach(() => fleet.close());

const access = async (id: string, key?: string) =>
  fleet.rights.deviceAccess(await fleet.identity(key), await fleet.device(id));
const run = (sql: string, ...values: unknown[]) => fleet.database.prepare(sql).run(...values);

rightsConformance(async () => {
  const { rights, clock, identity, device, reads, follow, grant, store, close } = await setUp();
  grant('g1', { user: 'alice', role: 'user', device: 'pump', until: clock.date() + 1_000 });
  await follow();
  return {
    rights,
    clock,
    identity: () => identity(),
    seen: await device('pump'),
    hidden: await device('valve'),
    reads,
    revoke: async () => {
      await store.devices.remove('pump', 0);
      await store.devices.add({ id: 'pump', domain: 'acme', secrets }, 0, null);
      expect(await follow()).toContain('alice');
    },
    close,
  };
});

test('the reflector’s own grants count, and those of groups', async () => {
  await fleet.store.users.grant('alice', 'other');
  await fleet.follow();
  expect([await access('lamp'), await access('pump')]).toEqual([
    { ports: null, until: Number.POSITIVE_INFINITY },
    null,
  ]);
  run("INSERT INTO fleet_groups VALUES ('field', '', 0)");
  const until = fleet.clock.date() + 5_000;
  fleet.grant('g1', { team: 'field', role: 'user', domain: 'acme', ports: '["web",22]', until });
  expect(await fleet.follow()).toEqual([]);
  run("INSERT INTO fleet_members VALUES ('alice', 'field', 'local')");
  expect(await fleet.follow()).toEqual(['alice']);
  expect(await access('pump')).toEqual({ ports: ['web', 22], until });
  run("DELETE FROM fleet_groups WHERE name = 'field'");
  expect(await fleet.follow()).toContain('alice');
  expect(await access('pump')).toBe(null);
});

test('an administrator of the reflector may do everything', async () => {
  await fleet.store.users.promote('alice');
  await fleet.follow();
  const caller = await fleet.rights.of(await fleet.identity());
  expect(caller.may('users.write', { kind: 'everything' })).toBe(true);
  expect(caller.extent('devices.open')).toBe(null);
});

test('a key counts until it is revoked, for what it names', async () => {
  await fleet.store.users.grant('alice', 'acme');
  const { uid } = await fleet.device('pump');
  const targets = JSON.stringify([{ device: 'pump', uid }]);
  run(
    "INSERT INTO fleet_keys VALUES ('k1', 'alice', 'ci', x'00', ?, ?, 0, 9000, NULL, NULL)",
    '["devices.read","devices.open","of a newer server"]',
    targets,
  );
  await fleet.follow();
  expect(await access('pump', 'k1')).not.toBe(null);
  expect(await access('valve', 'k1')).toBe(null);
  expect(await fleet.rights.validUntil(await fleet.identity('k1'))).toBe(9_000);
  expect(await fleet.rights.validUntil(await fleet.identity('k2'))).toBe(null);
  run("UPDATE devices SET domain = 'other' WHERE id = 'pump'");
  expect(await fleet.follow()).toEqual(['alice']);
  expect(await access('pump', 'k1')).toBe(null);
  run("DELETE FROM fleet_keys WHERE id = 'k1'");
  expect(await fleet.follow()).toEqual(['alice']);
  expect(await fleet.rights.validUntil(await fleet.identity('k1'))).toBe(null);
});

test('what the feed names is whoever a change is about', async () => {
  fleet.grant('g1', { user: 'alice', role: 'user', device: 'pump' });
  expect(await fleet.follow()).toEqual(['alice']);
  run("UPDATE fleet_grants SET until = 7 WHERE id = 'g1'");
  expect(await fleet.follow()).toContain('alice');
  run("UPDATE devices SET domain = 'other' WHERE id = 'pump'");
  expect(await fleet.follow()).toEqual(['alice']);
  run("DELETE FROM fleet_grants WHERE id = 'g1'");
  expect(await fleet.follow()).toEqual(['alice']);
});
