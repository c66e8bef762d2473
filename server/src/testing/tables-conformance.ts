import { pino } from 'pino';
import { type AuditEntry, type KnownUsers, type Store, StoreUnavailable } from 'rm-reflector/ports';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Idempotency } from '../api/idempotency.ts';
import { AuditQueries } from '../audit/queries.ts';
import type { Sight } from '../devices/device-search.ts';
import { Domains } from '../devices/domains.ts';
import { FleetDevices } from '../devices/fleet-devices.ts';
import { Members } from '../directories/members/members.ts';
import { ProviderSessions } from '../directories/oidc/provider-sessions.ts';
import { EventLog } from '../events/log/event-log.ts';
import { defaultLimits } from '../limits.ts';
import { ApiKeys, type NewApiKey } from '../people/api-keys.ts';
import { Grants, type NewGrant } from '../people/grants.ts';
import { Groups } from '../people/groups.ts';
import { Invitations } from '../people/invitations.ts';
import type { Mailer } from '../people/mailer.ts';
import { People } from '../people/people.ts';
import { PreferencesOfUsers } from '../people/preferences.ts';
import { DirectoryRights } from '../rights/directory-rights.ts';
import { FleetRights } from '../rights/fleet-rights.ts';
import { all, get, run, type Tables } from '../store/tables.ts';

/** The tables of the server beside a Store, both empty. */
export interface TablesSubject {
  readonly store: Store;
  readonly tables: Tables;
  readonly clock: ManualClock;
  end(): Promise<void>;
}

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const log = pino({ level: 'silent' });

/** What every engine keeps to, and what the parts of the server do on it. `open`: one for each test. */
export function tablesConformance(name: string, open: () => Promise<TablesSubject>): void {
  describe(`the tables of the server: ${name}`, () => {
    let store: Store;
    let tables: Tables;
    let clock: ManualClock;
    let known: KnownUsers;
    let end: () => Promise<void>;
    beforeEach(async () => {
      ({ store, tables, clock, end } = await open());
      known = { user: (user: string) => store.users.get(user), changed: () => {} } as unknown as KnownUsers;
      for (const user of ['alice', 'bob']) await store.users.add(user, `hash of ${user}`, 0, 'user');
    });
    afterEach(() => end());

    const addDevices = async () => {
      await store.devices.add({ id: 'pump', domain: 'acme', secrets }, 0, null);
      await store.devices.add({ id: 'lamp', domain: 'other', secrets }, 0, null);
      return (await store.devices.identity('pump'))?.uid ?? '';
    };
    /** The users that the change feed has named since this was called last. */
    let position: number;
    const named = async () => {
      const page = await store.changes.after(position, 1_000);
      position = page.position;
      return [...new Set(page.changes.filter(({ kind }) => kind === 'user').map(({ key }) => key))].sort();
    };
    const follow = async () => {
      position = await store.changes.position();
    };

    describe('statements', () => {
      const insert = 'INSERT INTO fleet_groups (name, description, created) VALUES (?, ?, ?)';
      const select = 'SELECT name, description, created FROM fleet_groups ORDER BY name';

      test.each([
        ['Ä\u{1f600} \'"?$1', '', 0],
        ['b', 'two\nlines', Number.MAX_SAFE_INTEGER],
      ])('a row is read as it was written: %j', async (...row) => {
        expect(await tables.run(insert, ...row)).toBe(1);
        const [group, description, created] = row;
        expect(await tables.all(select)).toEqual([{ name: group, description, created }]);
        expect(await tables.get(select)).toEqual({ name: group, description, created });
        expect(await tables.read(`${select} LIMIT ?`, 5)).toEqual([{ name: group, description, created }]);
      });

      test('bytes and NULL are kept; what is not there is undefined', async () => {
        const call = Buffer.from([0, 255, 39]);
        await tables.run(
          'INSERT INTO fleet_calls ("user", key, call, created) VALUES (?, ?, ?, 0)',
          'bob',
          'k',
          call,
        );
        expect((await tables.get<{ call: Buffer }>('SELECT call FROM fleet_calls'))?.call).toEqual(call);
        await tables.run(
          'INSERT INTO fleet_directory_members ("user", uid, source, id, login, until) VALUES (?, ?, ?, ?, ?, ?)',
          ...['x', null, 's', 'i', 'l', 1],
        );
        expect(await tables.get('SELECT uid FROM fleet_directory_members')).toEqual({ uid: null });
        expect(
          await tables.get('SELECT uid FROM fleet_directory_members WHERE uid = ?', 'x'),
        ).toBeUndefined();
      });

      test('a text with a NUL finds nothing', async () => {
        await tables.run(insert, 'a', '', 0);
        const find = 'SELECT name FROM fleet_groups WHERE name = ?';
        expect([await tables.get(find, 'a\0'), await tables.read(find, 'a\0b')]).toEqual([undefined, []]);
        expect(await tables.transact(() => all(find, '\0'))).toEqual([]);
      });

      test('texts are in the order of their bytes', async () => {
        for (const group of ['b', 'a', 'B', 'é', 'a b']) await tables.run(insert, group, '', 0);
        expect((await tables.all<{ name: string }>(select)).map((row) => row.name)).toEqual([
          ...['B', 'a', 'a b', 'b', 'é'],
        ]);
      });

      test('a transaction sees what it has written, and gives what it decides', async () => {
        const result = await tables.transact(function* () {
          yield* run(insert, 'a', '', 1);
          const row = yield* get<{ created: number }>('SELECT created FROM fleet_groups WHERE name = ?', 'a');
          const changed = yield* run('UPDATE fleet_groups SET created = created + 1');
          return [row?.created, changed, (yield* all(select)).length];
        });
        expect(result).toEqual([1, 1, 1]);
        expect(await tables.get(select)).toMatchObject({ created: 2 });
      });

      test('a transaction that throws, or whose statement fails, leaves nothing', async () => {
        const fault = new Error('no');
        await expect(
          tables.transact(function* () {
            yield* run(insert, 'a', '', 0);
            throw fault;
          }),
        ).rejects.toBe(fault);
        const twice = tables.transact(function* () {
          yield* run(insert, 'a', '', 0);
          yield* run(insert, 'a', '', 0);
        });
        await expect(twice).rejects.toThrow();
        await expect(twice).rejects.not.toBeInstanceOf(StoreUnavailable);
        expect(await tables.all(select)).toEqual([]);
      });

      test('no other change comes into a transaction', async () => {
        await tables.run(insert, 'a', '', 0);
        const count = () =>
          tables.transact(function* () {
            const row = yield* get<{ created: number }>('SELECT created FROM fleet_groups');
            yield* run('UPDATE fleet_groups SET created = ?', (row?.created ?? 0) + 1);
          });
        await Promise.all(Array.from({ length: 20 }, count));
        expect(await tables.get(select)).toMatchObject({ created: 20 });
      });
    });

    describe('devices', () => {
      const devicesWith = async (properties: Readonly<Record<string, string>>) => {
        const uid = await addDevices();
        const facts = { address: '192.0.2.1', agent: 'rm-agent/1', properties };
        await store.devices.noteConnected({ id: 'pump', uid }, 7, facts);
        return { uid, devices: new FleetDevices(tables) };
      };
      const byId = { sort: 'id', descending: false } as const;

      test('are shown with what they and their users say of them', async () => {
        const said = {
          name: 'Pump Ä',
          version: '2.1',
          targetPorts: '80, 22',
          sshPort: '22',
          constructor: 'c',
        };
        const { uid, devices } = await devicesWith(said);
        const described = {
          name: 'Mine "1"',
          description: 'by the river',
          notes: 'two\nlines',
          tags: ['b', 'a', 'b'],
          properties: { site: 'Graz', version: 'of a user' },
        };
        await tables.transact(function* () {
          yield* devices.change({ uid }, described);
          yield* devices.setCreator(uid, 'alice');
        });
        const listed = {
          ...{
            id: 'pump',
            uid,
            domain: 'acme',
            name: 'Mine "1"',
            tags: ['b', 'a'],
            created: 0,
            online: true,
          },
          ...{ lastSeen: null, address: '192.0.2.1', agent: 'rm-agent/1', version: '2.1' },
          ...{ ports: [80, 22], httpPort: 80, sshPort: 22, vncPort: null, rdpPort: null },
        };
        const one = await devices.get('pump');
        expect(one).toEqual({
          ...listed,
          ...{
            number: expect.any(Number),
            since: 0,
            revision: 2,
            description: 'by the river',
            notes: 'two\nlines',
          },
          ...{ createdBy: 'alice', lastConnect: 7, connects: 1, bytesFrom: 0, bytesTo: 0 },
          ...{
            systemProperties: said,
            userProperties: described.properties,
            refused: null,
            duplicateNoticed: null,
          },
        });
        expect(await tables.transact(() => devices.held('pump'))).toEqual(one);
        const names = ['version', 'site', 'constructor', 'never', '__proto__'];
        const rows = await devices.list({ sight: 'all' }, byId, null, 9, names, 'alice');
        expect(rows.map(({ device }) => device)).toEqual([
          expect.objectContaining({ id: 'lamp', domain: 'other', name: null, version: null, properties: {} }),
          { ...listed, properties: { version: 'of a user', site: 'Graz', constructor: 'c' } },
        ]);
        const [, place] = await devices.list({ sight: 'all' }, byId, null, 9);
        expect(place).toEqual({ position: { key: 'pump', number: one?.number }, device: listed });
        await tables.transact(() => devices.change({ uid }, { name: null, tags: [] }));
        expect(await devices.get('pump')).toMatchObject({
          name: 'Pump Ä',
          tags: [],
          revision: 3,
          notes: 'two\nlines',
        });
        expect([await devices.get('none'), await tables.transact(() => devices.held('none'))]).toEqual([
          null,
          null,
        ]);
      });

      test('say something odd, and are shown all the same', async () => {
        const { devices } = await devicesWith({
          name: 'a\0b',
          version: '\\u0000',
          targetPorts: '\udfff',
          'k\0': '',
        });
        expect(await devices.get('pump')).toMatchObject({ version: '\\u0000', ports: [], online: true });
        const rows = await devices.list({ sight: 'all', text: 'pump' }, byId, null, 9, ['version', 'k\0']);
        expect(rows[0]?.device).toMatchObject({ id: 'pump', properties: { version: '\\u0000' } });
      });

      test('go to another domain, where the digest of the former proves nothing', async () => {
        const { uid, devices } = await devicesWith({});
        await store.devices.setSecrets('pump', { password: 'p', digestSha256: 'd', digestMd5: 'd' }, 0, null);
        const move = (id: string, time: number) =>
          tables.transact(() => devices.change({ uid }, { domain: { id, time } }));
        await move('acme', 4);
        expect(await devices.get('pump')).toMatchObject({ domain: 'acme', since: 0 });
        expect(await store.devices.credentials('pump')).toMatchObject({ digestSha256: 'd' });
        await move('west', 5);
        expect(await devices.get('pump')).toMatchObject({ domain: 'west', since: 5, revision: 3 });
        expect(await store.devices.credentials('pump')).toMatchObject({
          digestSha256: null,
          digestMd5: null,
        });
      });

      test('have tags, of which everybody finds those of what they see', async () => {
        const { uid, devices } = await devicesWith({});
        const lamp = (await store.devices.identity('lamp'))?.uid ?? '';
        const tag = (of: string, tags: readonly string[]) =>
          tables.transact(() => devices.change({ uid: of }, { tags }));
        await tag(uid, ['Red', 'north', 'Öl']);
        await tag(lamp, ['Red', 'a%', 'secret']);
        const found = (sight: Sight, text = '', after = '', limit = 9) =>
          devices.tags(sight, text, after, limit, 'alice');
        expect(await found('all')).toEqual(['Red', 'a%', 'north', 'secret', 'Öl']);
        expect([await found('all', 'R'), await found('all', '%'), await found('all', 'Ö')]).toEqual([
          ['Red', 'north', 'secret'],
          ['a%'],
          ['Öl'],
        ]);
        expect(await found('all', '', 'a%', 2)).toEqual(['north', 'secret']);
        expect(await found({ domains: ['acme'], uids: [] })).toEqual(['Red', 'north', 'Öl']);
        expect(await found({ domains: [], uids: [lamp] })).toEqual(['Red', 'a%', 'secret']);
        expect(await found({ domains: [], uids: [] })).toEqual([]);
      });
    });

    describe('domains', () => {
      const month = '2026-01';

      test('are added once, changed and listed with what they use, and removed', async () => {
        const uid = await addDevices();
        const domains = new Domains(tables);
        const added = () => tables.transact(() => domains.add('west', 3));
        expect((await Promise.all([added(), added()])).sort()).toEqual([false, true]);
        await store.devices.noteConnected({ id: 'pump', uid }, 7, { address: '', agent: '', properties: {} });
        const changes = { name: 'Acme Ä', description: 'd', quotas: { devices: 2 ** 40, connections: 0 } };
        await tables.transact(() => domains.change('acme', changes));
        await tables.transact(() =>
          domains.change('acme', { quotas: { connections: null, bytesPerMonth: 9 } }),
        );
        const acme = {
          ...{
            number: expect.any(Number),
            id: 'acme',
            revision: 3,
            name: 'Acme Ä',
            description: 'd',
            created: 0,
          },
          quotas: { devices: 2 ** 40, connections: null, bytesPerMonth: 9 },
          usage: { devices: 1, connections: 1, bytesThisMonth: 0 },
        };
        expect(await domains.get('acme', month)).toEqual(acme);
        const listed = async (among: readonly string[] | null, after: string) =>
          (await domains.list(among, after, 2, month)).map(({ id }) => id);
        expect([await listed(null, ''), await listed(null, 'other')]).toEqual([['acme', 'other'], ['west']]);
        expect([await listed(['west', 'none'], ''), await listed([], '')]).toEqual([['west'], []]);
        const of = (id: string) =>
          tables.transact(function* () {
            return [yield* domains.exists(id), yield* domains.revision(id), yield* domains.countDevices(id)];
          });
        expect([await of('acme'), await of('none')]).toEqual([
          [true, 3, 1],
          [false, null, 0],
        ]);
        await tables.transact(() => domains.remove('west'));
        expect([await of('west'), await domains.get('west', month)]).toEqual([[false, null, 0], null]);
      });
    });

    describe('the log of events', () => {
      const logWith = async (limits = {}) => {
        const log = new EventLog(tables, clock, { ...defaultLimits, ...limits });
        await log.refresh();
        return log;
      };
      const access = (n: number) =>
        ({ kind: 'device.access', time: clock.date() + n, user: 'bob', data: { n, text: 'Ä\0' } }) as const;

      test('is in one order for all who write it, and is read from any place', async () => {
        const logs = [await logWith({ eventsInMemory: 2 }), await logWith()];
        const from = logs[0]?.last ?? -1;
        await Promise.all(
          Array.from({ length: 10 }, (_, n) => logs[n % 2]?.append([access(2 * n), access(2 * n + 1)])),
        );
        const read = async (log: EventLog | undefined) => {
          await log?.refresh();
          const page = await log?.after(from, 100);
          return page && 'events' in page ? page.events : [];
        };
        const [one, other] = [await read(logs[0]), await read(logs[1])];
        expect(one.map(({ sequence }) => sequence)).toEqual(
          Array.from({ length: 20 }, (_, n) => from + 1 + n),
        );
        expect(other).toEqual(one);
        const order = one.map(({ data }) => (JSON.parse(data) as { n: number }).n);
        // What is appended together stays together.
        for (let n = 0; n < 20; n += 2) expect(order[n + 1]).toBe((order[n] ?? -1) + 1);
        const cursor = (await logs[0]?.cursor(from + 3)) ?? '';
        expect([await logs[1]?.resume(cursor), await logs[1]?.resume(cursor.replace(/-.*/, '-1'))]).toEqual([
          from + 3,
          null,
        ]);
      });

      test('names the device that had the ID, and forgets what is too old', async () => {
        const uid = await addDevices();
        const log = await logWith({ eventsKept: 3 });
        await log.append([
          { kind: 'device.access', time: clock.date(), device: 'pump', user: 'bob\0' },
          { kind: 'device.access', time: clock.date(), device: 'pump', uid: 'a former one' },
          { kind: 'server.started', time: clock.date() },
        ]);
        const kept = await tables.all(
          'SELECT kind, device, uid, domain, "user" FROM fleet_events ORDER BY sequence',
        );
        expect(kept.at(-1)).toEqual({
          kind: 'server.started',
          device: null,
          uid: null,
          domain: null,
          user: null,
        });
        const page = await log.after(log.last - 3, 9);
        expect('events' in page && page.events).toMatchObject([
          { device: 'pump', uid, domain: 'acme', user: 'bob\ufffd', data: '{}' },
          { device: 'pump', uid: 'a former one', domain: null },
          { kind: 'server.started' },
        ]);
        expect(await (await logWith()).after(0, 9)).toEqual({ lost: true });
      });
    });

    describe('groups', () => {
      test('are added up to their number, whoever comes at once', async () => {
        const groups = new Groups(tables, known, clock);
        expect([await groups.add('a', 'first', 5), await groups.add('a', '', 5)]).toEqual(['added', 'taken']);
        const outcomes = await Promise.all(Array.from({ length: 9 }, (_, n) => groups.add(`g${n}`, '', 5)));
        expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(4);
        expect(await groups.page('a', 2)).toHaveLength(2);
        expect(await groups.get('a')).toEqual({
          name: 'a',
          description: 'first',
          created: clock.date(),
          members: 0,
        });
      });

      test('have members, of whom the feed tells', async () => {
        const groups = new Groups(tables, known, clock);
        await groups.add('field', '', 5);
        await follow();
        expect([await groups.join('field', 'bob'), await groups.join('field', 'bob')]).toEqual([true, true]);
        expect([await groups.join('none', 'bob'), await groups.join('field', 'nobody')]).toEqual([
          false,
          false,
        ]);
        expect([await named(), await groups.usersOf('field')]).toEqual([['bob'], ['bob']]);
        await groups.describe('field', 'all of them', () => {});
        expect(await groups.get('field')).toMatchObject({ members: 1, description: 'all of them' });
        expect(await groups.members('field', '', 10)).toEqual([{ user: 'bob', source: 'local' }]);
        expect([await groups.leave('field', 'bob'), await groups.leave('field', 'bob')]).toEqual([
          true,
          false,
        ]);
        expect(await named()).toEqual(['bob']);
        await groups.join('field', 'bob');
        expect([await groups.remove('field'), await groups.remove('field')]).toEqual([true, false]);
        expect(await named()).toEqual(['bob']);
      });

      test('lose a user who is removed', async () => {
        const groups = new Groups(tables, known, clock);
        await groups.add('field', '', 5);
        await groups.join('field', 'bob');
        await store.users.remove('bob', true);
        expect(await groups.usersOf('field')).toEqual([]);
      });
    });

    describe('grants', () => {
      const wanted: NewGrant = {
        user: 'bob',
        group: null,
        role: 'user',
        domain: 'acme',
        device: null,
        ports: null,
        until: null,
        createdBy: 'alice',
      };
      const grantsOn = () => new Grants(tables, known, new Groups(tables, known, clock), clock);

      test('are as many as one may have, whoever comes at once', async () => {
        const grants = grantsOn();
        const made = await Promise.all(Array.from({ length: 6 }, () => grants.add(wanted, 4)));
        expect(made.filter((grant) => grant === null)).toHaveLength(2);
        expect(await grants.add({ ...wanted, user: 'alice' }, 1)).not.toBeNull();
      });

      test('are found, changed and taken away, of which the feed tells', async () => {
        const uid = await addDevices();
        const grants = grantsOn();
        await new Groups(tables, known, clock).add('field', '', 5);
        await new Groups(tables, known, clock).join('field', 'alice');
        await follow();
        const own = await grants.add({ ...wanted, ports: ['web', 22] }, 9);
        const ofGroup = await grants.add(
          { ...wanted, user: null, group: 'field', domain: null, device: 'pump' },
          9,
        );
        const other = await grants.add({ ...wanted, domain: 'other', until: 9 }, 9);
        if (!own || !ofGroup || !other) throw new Error('not granted');
        expect(await named()).toEqual(['alice', 'bob']);
        expect(await grants.get(own.id)).toEqual(own);
        const found = async (filter: object, seen: Parameters<Grants['page']>[1] = null) =>
          (await grants.page(filter, seen, '', 10)).map(({ id }) => id).sort();
        expect(await found({})).toEqual([own.id, ofGroup.id, other.id].sort());
        expect(await found({ user: 'bob', domain: 'acme' })).toEqual([own.id]);
        expect(await found({ group: 'field' })).toEqual([ofGroup.id]);
        expect(await found({ device: 'pump' })).toEqual([ofGroup.id]);
        const none = { user: 'alice', domains: [], uids: [] };
        expect(await found({}, none)).toEqual([]);
        expect(await found({}, { ...none, uids: [uid] })).toEqual([ofGroup.id]);
        expect(await found({}, { ...none, domains: ['acme'] })).toEqual([own.id, ofGroup.id].sort());
        expect(await found({}, { ...none, user: 'bob' })).toEqual([own.id, other.id].sort());
        await grants.setUntil(ofGroup, 77, () => {});
        expect([await named(), (await grants.get(ofGroup.id))?.until]).toEqual([['alice'], 77]);
        expect([await grants.remove(other), await grants.remove(other)]).toEqual([true, false]);
        expect(await named()).toEqual(['bob']);
        await store.devices.remove('pump', 0);
        expect([await grants.get(ofGroup.id), await named()]).toEqual([null, ['alice']]);
      });
    });

    describe('API keys', () => {
      const wanted: NewApiKey = {
        user: 'bob',
        name: 'ci',
        permissions: ['devices.read'],
        targets: null,
        expires: null,
      };

      test('are made once by name and as many as a user may have, and prove their user until they are revoked', async () => {
        const limits = { ...defaultLimits, keysPerUser: 3 };
        const keys = new ApiKeys(tables, known, clock, limits);
        await follow();
        const both = await Promise.all([keys.add(wanted), keys.add(wanted)]);
        // Which of them comes first is for the engine to say.
        const [made] = both.filter((outcome) => typeof outcome !== 'string');
        if (!made) throw new Error(both.join());
        expect([both.filter((outcome) => outcome !== made), await named()]).toEqual([['taken'], ['bob']]);
        const outcomes = await Promise.all(
          ['a', 'b', 'c', 'd'].map((key) => keys.add({ ...wanted, name: key })),
        );
        expect(outcomes.filter((outcome) => outcome === 'full')).toHaveLength(2);
        const prove = () => keys.authenticator.prove({ token: made.secret }, { address: '192.0.2.1', clock });
        expect(await prove()).toMatchObject({ key: made.key.id, only: 'own', user: { name: 'bob' } });
        expect(await keys.get(made.key.id)).toEqual({
          ...made.key,
          used: clock.date(),
          address: '192.0.2.1',
        });
        expect(await keys.page('alice', '', 10)).toEqual([]);
        expect(
          [await keys.page('bob', '', 10), await keys.page(null, '', 10)].map((page) => page.length),
        ).toEqual([3, 3]);
        await named();
        await keys.revoke(made.key);
        expect(await named()).toEqual(['bob']);
        expect(await keys.add({ ...wanted, name: 'by it' }, made.key.id)).toBe('revoked');
        expect(await prove()).toEqual({ refused: 'no such API key' });
      });
    });

    describe('people', () => {
      const facts = { kind: 'person', fullName: 'Bob Ö', email: 'Bob@example.com' } as const;

      test('have one mail address each, whatever its case, and are found by it', async () => {
        const people = new People(tables);
        const outcomes = await Promise.all([
          people.set('bob', facts),
          people.set('alice', { ...facts, email: 'BOB@example.com' }),
        ]);
        expect(outcomes.sort()).toEqual([false, true]);
        await people.set('alice', { ...facts, email: null });
        expect(await people.set('bob', facts)).toBe(true);
        expect(await people.set('bob', { ...facts, fullName: 'Bob Ö.' })).toBe(true);
        expect(await people.addressee('bob@EXAMPLE.com')).toEqual({ name: 'bob', email: 'Bob@example.com' });
        expect(await people.addressee('alice')).toBeNull();
        expect((await people.page('EXAMPLE.C', '', 10)).map((row) => row.name)).toEqual(['bob']);
        expect((await people.page('%', '', 10)).map((row) => row.name)).toEqual([]);
        expect((await people.page('', 'alice', 10)).map((row) => row.name)).toEqual(['bob']);
      });

      test('change in their role, password and name at once, or in nothing', async () => {
        const people = new People(tables);
        const state = async () => {
          const user = await store.users.get('bob');
          return [user?.role, user?.password, (await people.get('bob'))?.full_name];
        };
        const before = await state();
        const all = { ...facts, administrator: true, password: 'another hash' };
        const refuse = () => {
          throw new Error('it was changed since');
        };
        await expect(people.change('bob', all, refuse)).rejects.toThrow('since');
        await people.set('alice', { ...facts, email: 'taken@example.com' });
        expect(await people.change('bob', { ...all, email: 'TAKEN@example.com' }, () => {})).toBe('taken');
        expect(await state()).toEqual(before);
        expect(await people.change('bob', all, () => {})).toBe('done');
        expect(await state()).toEqual(['administrator', 'another hash', 'Bob Ö']);
        for (const { name, role } of await store.users.page('', 10))
          if (name !== 'bob' && role === 'administrator') await store.users.demote(name, true);
        expect(await people.change('bob', { ...facts, fullName: '', administrator: false }, () => {})).toBe(
          'last',
        );
        expect(await state()).toEqual(['administrator', 'another hash', 'Bob Ö']);
      });

      test('are shown with what the reflector knows of them, and their groups', async () => {
        const people = new People(tables);
        await store.users.promote('bob');
        await store.users.grant('bob', 'west');
        await store.users.grant('bob', 'acme');
        const groups = new Groups(tables, known, clock);
        for (const group of ['z', 'a']) {
          await groups.add(group, '', 9);
          await groups.join(group, 'bob');
        }
        expect(await people.get('bob')).toEqual({
          name: 'bob',
          administrator: true,
          created: 0,
          totp: false,
          kind: 'person',
          full_name: '',
          email: null,
          domains: expect.any(String),
          groups: expect.any(String),
        });
        const { domains = '', groups: joined = '' } = (await people.get('bob')) ?? {};
        expect([JSON.parse(domains), JSON.parse(joined)]).toEqual([
          ['acme', 'west'],
          ['a', 'z'],
        ]);
        expect(await people.get('alice')).toMatchObject({
          administrator: false,
          domains: '[]',
          groups: '[]',
        });
        expect([await people.get('nobody'), await people.directoryOf('bob')]).toEqual([null, null]);
      });

      test('keep what they have chosen for pages', async () => {
        const preferences = new PreferencesOfUsers(tables);
        await preferences.set('bob', '{"a":1}');
        await preferences.set('bob', '{"b":"Ä"}');
        expect([await preferences.get('bob'), await preferences.get('alice')]).toEqual(['{"b":"Ä"}', null]);
      });
    });

    describe('invitations', () => {
      const sent: string[] = [];
      const invitationsOn = async (limits = defaultLimits) => {
        sent.length = 0;
        const people = new People(tables);
        await people.set('bob', { kind: 'person', fullName: '', email: 'bob@example.com' });
        const mailer = {
          send: async (_to: string, { text }: { text: string }) =>
            void sent.push(/token=([\w-]+)/.exec(text)?.[1] ?? ''),
        } as unknown as Mailer;
        return new Invitations({
          ...{
            database: tables,
            people,
            mailer,
            clock,
            log,
            limits,
            page: 'https://devices.example.com/set',
          },
          mailOf: async (_user, purpose, link) => ({ subject: purpose, text: link }),
        });
      };

      test('are good once, the last one of a user alone, and until the password or the address is another one', async () => {
        const invitations = await invitationsOn();
        await invitations.invite('bob', 'invitation');
        await invitations.invite('bob', 'invitation');
        const [first = '', second = ''] = sent;
        expect([await invitations.userOf(first), await invitations.userOf(second)]).toEqual([null, 'bob']);
        const redeemed = await Promise.all([invitations.redeem(second), invitations.redeem(second)]);
        expect(redeemed.sort()).toEqual(['bob', null]);
        await invitations.invite('bob', 'invitation');
        await store.users.setPassword('bob', 'another');
        expect(await invitations.userOf(sent.at(-1) ?? '')).toBeNull();
        await invitations.invite('bob', 'invitation');
        await new People(tables).set('bob', { kind: 'person', fullName: '', email: 'b@example.com' });
        expect(await invitations.redeem(sent.at(-1) ?? '')).toBeNull();
      });

      test('to set another password are as many as a user may get in a time', async () => {
        const invitations = await invitationsOn();
        const invite = () => invitations.invite('bob', 'reset', 2);
        await Promise.all([invite(), invite(), invite()]);
        expect(sent).toHaveLength(2);
        clock.advance(defaultLimits.resetMs);
        await invite();
        expect(sent).toHaveLength(3);
      });
    });

    test('a call is done once, also when it comes to two servers at once; keys are bounded by number', async () => {
      const limits = { ...defaultLimits, idempotencyKeysPerUser: 2 };
      const [one, other] = [new Idempotency(tables, clock, limits), new Idempotency(tables, clock, limits)];
      let done = 0;
      const answer = async () => ({ status: 201, body: `done ${++done}` });
      const outcomes = await Promise.allSettled([
        one.once('bob', 'k', 'call', answer),
        other.once('bob', 'k', 'call', answer),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(done).toBe(1);
      for (const key of ['2', '3']) {
        clock.advance(1);
        await one.once('bob', key, 'call', answer);
      }
      clock.advance(1);
      expect(await one.once('bob', 'k', 'call', answer)).toMatchObject({ status: 201, body: 'done 4' });
      await expect(one.once('bob', '3', 'another', answer)).rejects.toMatchObject({ status: 422 });
    });

    describe('rights', () => {
      test('are those of grants, groups and directories, and a key has those that it names', async () => {
        const uid = await addDevices();
        const groups = new Groups(tables, known, clock);
        await groups.add('field', '', 9);
        const bob = await store.users.get('bob');
        if (!bob) throw new Error('bob is gone');
        const device = { id: 'pump', uid, domain: 'acme' };
        const identity = { user: bob, session: null, until: 1e12, by: 'x', credential: 'token' } as const;
        const access = async (key?: string) =>
          new FleetRights(tables, known, clock).deviceAccess(
            { ...identity, ...(key === undefined ? {} : { key }) },
            device,
          );
        expect(await access()).toBeNull();
        const directory = new DirectoryRights({ database: tables, known, clock, log });
        await directory.set(bob, 'ldap', {
          groups: ['field', 'none'],
          grants: [{ role: 'user', domain: 'acme' }],
        });
        await follow();
        await directory.set(bob, 'ldap', { groups: ['field'], grants: [{ role: 'user', domain: 'acme' }] });
        expect(await named()).toEqual([]);
        expect(await access()).toEqual({ ports: null, until: Number.POSITIVE_INFINITY });
        const keys = new ApiKeys(tables, known, clock, defaultLimits);
        const expires = clock.date() + 1_000;
        const made = await keys.add({
          user: 'bob',
          name: 'ci',
          permissions: ['devices.read', 'devices.open'],
          targets: [{ device: 'pump', uid }, { domain: 'west' }],
          expires,
        });
        if (typeof made === 'string') throw new Error(made);
        const ofKey = await new FleetRights(tables, known, clock).of({ user: bob, key: made.key.id });
        expect(ofKey.may('devices.open', { kind: 'device', device })).toBe(true);
        expect(ofKey.may('devices.open', { kind: 'domain', domain: 'acme' })).toBe(false);
        expect(await access(made.key.id)).toEqual({ ports: null, until: Number.POSITIVE_INFINITY });
        const ofBob = new FleetRights(tables, known, clock);
        expect(await ofBob.validUntil({ ...identity, key: made.key.id })).toBe(expires);
        expect(await ofBob.validUntil({ ...identity, key: 'another' })).toBeNull();
        await directory.set(bob, 'ldap', { groups: [], grants: [] });
        expect([await named(), await access()]).toEqual([['bob'], null]);
      });

      test('of a user whom a directory has given up count by no key', async () => {
        const rights = new FleetRights(tables, known, clock);
        const members = new Members({
          ...{ database: tables, store, clock, log },
          rights: new DirectoryRights({ database: tables, known, clock, log }),
        });
        const until = clock.date() + 1_000;
        const grants = { groups: [], grants: [{ role: 'user', domain: 'acme' }] } as const;
        const news = { source: 'ldap', id: 'id-of-carol', name: 'carol', login: 'Carol', grants, until };
        const carol = await members.admit(news);
        if ('refused' in carol) throw new Error(carol.refused);
        expect(await new People(tables).directoryOf('carol')).toBe('ldap');
        expect([await members.sourceOf(carol), await members.counts(carol, 'ldap')]).toEqual(['ldap', true]);
        expect(await members.byLogin('ldap', 'Carol')).toMatchObject({ user: 'carol', uid: carol.uid });
        await members.keepPassword(carol, 'a hash', 5);
        expect(await members.page('ldap', '', 10)).toMatchObject([{ offline: 'a hash', offlineUntil: 5 }]);
        expect(await rights.ofMaker('carol', carol.uid)).not.toBeNull();
        expect(await members.admit({ ...news, id: 'another' })).toMatchObject({
          refused: expect.any(String),
        });
        const keys = new ApiKeys(tables, known, clock, defaultLimits);
        const key = { user: 'carol', name: 'ci', permissions: [], targets: null, expires: null } as const;
        const made = await keys.add(key);
        if (typeof made === 'string') throw new Error(made);
        const prove = () => keys.authenticator.prove({ token: made.secret }, { address: '', clock });
        expect(await prove()).toMatchObject({ key: made.key.id });
        await follow();
        clock.advance(1_000);
        await members.sweep();
        expect(await named()).toEqual(['carol']);
        expect(await members.counts(carol, 'ldap')).toBe(false);
        expect(await prove()).toMatchObject({ refused: expect.stringContaining('does not vouch') });
        expect([await rights.ofMaker('carol', carol.uid), await members.page('ldap', '', 10)]).toEqual([
          null,
          [],
        ]);
      });
    });

    test('sessions of browsers are found by those of their provider, and are gone with them', async () => {
      const bob = await store.users.get('bob');
      if (!bob) throw new Error('bob is gone');
      const hashes = [1, 2].map((byte) => Buffer.alloc(32, byte));
      const sessions = new ProviderSessions(tables);
      for (const [n, hash] of hashes.entries()) {
        const times = { created: 0, used: 0, expires: 1e12 };
        const rest = { fingerprint: '', device: null, parent: null, address: '', agent: '' };
        await store.sessions.add({ hash, kind: 'own', user: 'bob', ...times, ...rest }, bob, {
          perUser: 9,
          total: 9,
        });
        await sessions.note(hash, 'corp', { subject: 'sub', session: `sid${n}`, idToken: null });
      }
      const [first = Buffer.of(), second = Buffer.of()] = hashes;
      await sessions.note(first, 'corp', { subject: 'sub', session: 'sid0', idToken: 'token' });
      expect(await sessions.originOf(first)).toEqual({ provider: 'corp', idToken: 'token' });
      const of = async (subject: string | null, session: string | null) =>
        (await sessions.of('corp', { subject, session })).map((hash) => hash[0]).sort();
      expect([await of('sub', null), await of(null, 'sid1'), await of('sub', 'sid0')]).toEqual([
        [1, 2],
        [2],
        [1],
      ]);
      expect([
        await of(null, null),
        await of('other', 'sid1'),
        await sessions.of('x', { subject: 'sub', session: null }),
      ]).toEqual([[], [], []]);
      await store.sessions.remove(second);
      expect([await of('sub', null), await sessions.originOf(second)]).toEqual([[1], null]);
    });

    test('the audit log is asked by what its records say, within what the caller may see', async () => {
      const uid = await addDevices();
      const entry = (event: string, user: string, device: string | null, allowed: boolean): AuditEntry => ({
        time: 10,
        event,
        user,
        device,
        record: JSON.stringify({ event, user, allowed, agent: '"allowed":false' }),
      });
      await store.audit.append([
        entry('a', 'bob', 'pump', true),
        entry('b', 'alice', 'lamp', false),
        entry('c', 'bob', null, true),
      ]);
      const queries = new AuditQueries(tables);
      const events = async (
        query: Parameters<AuditQueries['latest']>[1],
        extent: Parameters<AuditQueries['latest']>[0]['extent'] = null,
      ) =>
        (await queries.latest({ user: 'alice', extent }, query, Number.MAX_SAFE_INTEGER, 10)).map(
          ({ record }) => (JSON.parse(record) as { event: string }).event,
        );
      expect(await events({})).toEqual(['c', 'b', 'a']);
      expect(await events({ user: 'bob', since: 10, until: 11 })).toEqual(['c', 'a']);
      expect([await events({ allowed: true }), await events({ allowed: false })]).toEqual([
        ['c', 'a'],
        ['b'],
      ]);
      expect(await events({ event: 'b', device: 'lamp' })).toEqual(['b']);
      expect(await events({ until: 10 })).toEqual([]);
      expect(await events({}, { domains: [], devices: [uid] })).toEqual(['a']);
      expect(await events({}, { domains: ['other'], devices: [] })).toEqual(['b']);
      expect(await events({}, { domains: [], devices: [] })).toEqual([]);
      const last = await queries.last();
      expect(await queries.between({ user: 'alice', extent: null }, {}, last - 2, last, 10)).toHaveLength(2);
    });
  });
}
