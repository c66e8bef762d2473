import type { Store } from 'rm-reflector/ports';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Calendar } from '../devices/calendar.ts';
import { DeviceHistory } from '../devices/device-history.ts';
import { HostKeys } from '../host-keys/host-keys.ts';
import { defaultLimits } from '../limits.ts';
import { connectionsRemembered, searchableCharacters, seenNow } from '../store/schema/devices.ts';
import type { Tables } from '../store/tables.ts';
import type { TablesSubject } from './tables-conformance.ts';

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const facts = (more: object = {}) => ({ address: '192.0.2.1', agent: 'rm-agent/1', properties: {}, ...more });
const lost = { cause: 'lost', reason: '' } as const;

/** What follows in the tables of the server, in every engine, from what the Store does. `open`: one for each test. */
export function triggersConformance(name: string, open: () => Promise<TablesSubject>): void {
  describe(`what follows from changes in the Store: ${name}`, () => {
    let store: Store;
    let tables: Tables;
    let clock: ManualClock;
    let end: () => Promise<void>;
    beforeEach(async () => {
      ({ store, tables, clock, end } = await open());
      await tables.run('UPDATE fleet_calendar SET day = ?', '2026-01-01');
    });
    afterEach(() => end());

    const add = async (id: string, domain = 'acme', now = 5) => {
      await store.devices.add({ id, domain, secrets }, now, null);
      return keyOf(id);
    };
    const keyOf = async (id: string) => ({ id, uid: (await store.devices.get(id))?.uid ?? '' });
    const row = (id: string) => tables.get('SELECT * FROM fleet_devices WHERE id = ?', id);
    const numberOf = async (id: string) => Number((await row(id))?.number);
    const domains = async () =>
      (await tables.all<{ id: string }>('SELECT id FROM fleet_domains ORDER BY id')).map(({ id }) => id);
    const domainOf = async (id: string) =>
      (
        await tables.get<{ domain: string }>(
          'SELECT m.id AS domain FROM fleet_devices f JOIN fleet_domains m ON m.number = f.domain WHERE f.id = ?',
          id,
        )
      )?.domain;
    const textOf = async (id: string) =>
      (
        await tables.get<{ text: string }>(
          'SELECT s.text FROM fleet_search s JOIN fleet_devices f ON f.number = s.number WHERE f.id = ?',
          id,
        )
      )?.text;
    const claimOf = async (id: string, domain: string) => {
      const origin = { address: '192.0.2.9', network: '192.0.2.0' };
      const bounds = { all: 9, ofNetwork: 9 };
      await store.devices.addUnclaimed({ id, domain, password: 'hash' }, origin, 3, bounds);
      expect(await row(id)).toBeUndefined();
      await store.devices.claim(id, domain);
    };

    describe('a device', () => {
      test('has its record once it is claimed, and none when it is gone', async () => {
        await add('dev1');
        await claimOf('new', 'lab');
        expect(await row('dev1')).toMatchObject({
          ...{ id: 'dev1', created: 5, seen: 0, label: 'dev1', name: null, description: '', notes: '' },
          ...{ tags: '[]', properties: '{}', created_by: null, version: 1 },
        });
        expect(await row('new')).toMatchObject({ created: 3 });
        expect([await domains(), await domainOf('new')]).toEqual([['acme', 'lab'], 'lab']);
        await store.devices.remove('dev1', 9);
        expect([await row('dev1'), await domains()]).toEqual([undefined, ['acme', 'lab']]);
        expect(
          await tables.all('SELECT f.id FROM fleet_search s JOIN fleet_devices f USING (number)'),
        ).toEqual([{ id: 'new' }]);
      });

      test('of many that are added at once each has its own', async () => {
        const devices = ['b', 'c', 'a'].map((id) => ({ id, domain: `d${id}`, secrets }));
        expect(await store.devices.addAll(devices, 7, null)).toEqual([]);
        expect(await domains()).toEqual(['da', 'db', 'dc']);
        expect([await domainOf('a'), await domainOf('c'), await textOf('b')]).toEqual([
          ...['da', 'dc', 'b\n\n\n\n\n\n\n'],
        ]);
      });

      test('goes to another domain, which is there then', async () => {
        await add('dev1');
        await tables.run('UPDATE devices SET domain = ? WHERE id = ?', 'west', 'dev1');
        expect([await domainOf('dev1'), await domains()]).toEqual(['west', ['acme', 'west']]);
      });

      test('can be found by what it and its users say of it', async () => {
        const key = await add('dev1');
        const properties = { name: 'PUMP Ä', mode: 'a"b\\c' };
        await store.devices.noteConnected(key, 5, facts({ properties }));
        expect(await row('dev1')).toMatchObject({ label: 'pump Ä', seen: seenNow });
        expect(await textOf('dev1')).toContain('name=pump Ä\nmode=a"b\\c');
        await tables.run(
          'UPDATE fleet_devices SET name = ?, description = ?, tags = ?, properties = ? WHERE id = ?',
          ...['Mine', 'By the river', '["B","a","B"]', '{"k":"V"}', 'dev1'],
        );
        expect(await row('dev1')).toMatchObject({ label: 'mine' });
        expect(await textOf('dev1')).toMatch(/^dev1\nmine\nby the river\nb\na\nb\nk=v\nname=pump Ä\n/u);
        const tags = () => tables.all('SELECT tag FROM fleet_tags ORDER BY tag');
        expect(await tags()).toEqual([{ tag: 'B' }, { tag: 'a' }]);
        await store.devices.setProperties(key, { name: 'Valve' });
        expect([await textOf('dev1'), (await row('dev1'))?.label]).toEqual([
          expect.stringMatching(/\nname=valve\n\n$/),
          'mine',
        ]);
        await tables.run('UPDATE fleet_devices SET name = NULL, tags = ? WHERE id = ?', '[]', 'dev1');
        expect([(await row('dev1'))?.label, await tags()]).toEqual(['valve', []]);
        await store.devices.setProperties(key, { long: 'x'.repeat(2 * searchableCharacters) });
        expect((await textOf('dev1'))?.length).toBe(searchableCharacters + 2);
      });

      test('says something odd, and others are noted all the same', async () => {
        const [one, other] = [await add('dev1'), await add('dev2')];
        await Promise.all([
          store.devices.setProperties(one, { name: '\0', x: '\udfff\ud800', y: '\\u0000', 'k\0': '' }),
          store.devices.setProperties(other, { name: 'Well' }),
        ]);
        expect((await row('dev2'))?.label).toBe('well');
      });

      test('was seen when it was last on line', async () => {
        const key = await add('dev1');
        const seen = async () => (await row('dev1'))?.seen;
        await store.devices.noteConnected(key, 10, facts());
        expect(await seen()).toBe(seenNow);
        await store.devices.noteDisconnected(key, 20, lost);
        expect(await seen()).toBe(20);
        await store.devices.noteConnected(key, 30, facts());
        await store.devices.noteAllOffline();
        expect(await seen()).toBe(30);
      });

      test('keeps its host keys as long as it is there', async () => {
        await add('dev1');
        const keys = new HostKeys(tables);
        const number = await numberOf('dev1');
        const limits = { hostKeysPerDevice: 2, hostKeysPerUser: 1 };
        const given = (port: number, addedBy: string) => ({ port, key: `key ${port}`, added: 1, addedBy });
        const remembered = [
          await keys.remember(number, given(22, 'bob'), limits),
          await keys.remember(number, given(23, 'bob'), limits),
          await keys.remember(number, given(24, 'alice'), limits),
        ];
        expect(remembered.map((key) => key?.port)).toEqual([22, undefined, 24]);
        expect(await keys.remember(number, { ...given(22, 'eve'), key: 'other' }, limits)).toEqual(
          given(22, 'bob'),
        );
        expect([await keys.forget(number, 24), await keys.forget(number, 24)]).toEqual([true, false]);
        await store.devices.remove('dev1', 9);
        expect(await keys.of(number)).toEqual([]);
      });
    });

    describe('connections', () => {
      let history: DeviceHistory;
      let key: { id: string; uid: string };
      let number: number;
      beforeEach(async () => {
        history = new DeviceHistory(tables);
        key = await add('dev1');
        number = await numberOf('dev1');
      });
      const latest = (limit = 10) => history.connections({ number, since: 0 }, null, limit);

      test('have their times, addresses, payload and ends', async () => {
        const { devices } = store;
        await devices.addTraffic(key, 1_000, 1_000);
        await devices.noteConnected(key, 10, facts());
        await devices.addTraffic(key, 5, 6);
        const end = { cause: 'disconnected', reason: 'for a test', by: 'alice' } as const;
        await devices.noteDisconnected(key, 20, end);
        await devices.noteConnected(key, 30, facts({ address: '192.0.2.2' }));
        await devices.addTraffic(key, 1, 2);
        const first = {
          began: 10,
          ended: 20,
          live: false,
          end,
          address: '192.0.2.1',
          bytesFrom: 5,
          bytesTo: 6,
        };
        const second = {
          began: 30,
          ended: null,
          live: true,
          end: null,
          address: '192.0.2.2',
          bytesFrom: 1,
          bytesTo: 2,
        };
        expect(await latest()).toMatchObject([second, first]);
        await devices.noteConnected(key, 40, facts());
        const replaced = { ...second, ended: 40, live: false, end: { cause: 'replaced' } };
        expect(await latest(2)).toMatchObject([{ began: 40, live: true }, replaced]);
        await devices.noteAllOffline();
        const [left] = await latest(1);
        expect(left).toMatchObject({ began: 40, ended: null, live: false, end: null });
        expect(await history.connections({ number, since: 0 }, left?.sequence ?? 0, 1)).toMatchObject([
          replaced,
        ]);
      });

      test('that are noted at once do not last longer than the last one', async () => {
        const { devices } = store;
        await Promise.all([
          devices.noteConnected(key, 10, facts()),
          devices.addTraffic(key, 5, 6),
          devices.noteDisconnected(key, 20, lost),
        ]);
        const first = { began: 10, ended: 20, live: false, end: lost, bytesFrom: 5, bytesTo: 6 };
        expect(await latest()).toMatchObject([first]);
        await devices.noteConnected(key, 30, facts());
        await Promise.all([
          devices.noteDisconnected(key, 40, lost),
          devices.noteConnected(key, 50, facts()),
          devices.addTraffic(key, 1, 2),
        ]);
        const lasting = (await latest()).filter(({ live }) => live);
        expect(lasting).toMatchObject([{ began: 50, ended: null, end: null }]);
        expect((await latest())[1]).toMatchObject({ began: 30, ended: 40, live: false });
      });

      test('of a device are bounded', async () => {
        const other = await add('dev2');
        await store.devices.noteConnected(other, 1, facts());
        for (let n = 0; n < connectionsRemembered + 5; n++)
          await store.devices.noteConnected(key, n, facts());
        const rows = await latest(1_000);
        expect([rows.length, rows.at(-1)?.began]).toEqual([connectionsRemembered, 5]);
        expect(await history.connections({ number: await numberOf('dev2'), since: 0 }, null, 9)).toHaveLength(
          1,
        );
      });
    });

    test('traffic is counted by day for the device and by month for the domain', async () => {
      const failures: unknown[] = [];
      const calendar = new Calendar(tables, clock, defaultLimits, (error) => failures.push(error));
      const turn = async () => {
        calendar.start();
        await calendar.stop();
      };
      const keys = await Promise.all(['dev1', 'dev2'].map((id) => add(id)));
      const addTraffic = (from: number, to: number) =>
        Promise.all(keys.map((key) => store.devices.addTraffic(key, from, to)));
      const history = new DeviceHistory(tables);
      const of = async (id: string) =>
        (await history.ofDevice(await numberOf(id), '2026-01-01', '2100-12-31')).map(
          ({ period, bytesFrom, bytesTo }) => `${period} ${bytesFrom} ${bytesTo}`,
        );
      const ofDomain = () =>
        tables.all(
          'SELECT month, bytes_from AS "from", bytes_to AS "to" FROM fleet_domain_traffic ORDER BY month',
        );
      clock.advance(Date.UTC(2026, 0, 1) - clock.date());
      await turn();
      await addTraffic(1, 2);
      await addTraffic(10, 20);
      clock.advance(31 * 86_400_000);
      await turn();
      await addTraffic(100, 200);
      expect(await of('dev1')).toEqual(['2026-01-01 11 22', '2026-02-01 100 200']);
      expect(await ofDomain()).toEqual([
        { month: '2026-01', from: 22, to: 44 },
        { month: '2026-02', from: 200, to: 400 },
      ]);
      clock.advance((defaultLimits.trafficDays + 31) * 86_400_000);
      await turn();
      expect([await of('dev1'), failures]).toEqual([[], []]);
    });

    describe('events', () => {
      const last = async () =>
        (await tables.get<{ last: number }>('SELECT coalesce(max(sequence), 0) AS last FROM fleet_events'))
          ?.last ?? -1;
      const since = (position: number) =>
        tables.all(
          'SELECT kind, device, domain FROM fleet_events WHERE sequence > ? ORDER BY sequence',
          position,
        );

      test('say what becomes of devices, numbered without gaps', async () => {
        const position = await last();
        await add('dev1');
        await claimOf('new', 'lab');
        await tables.run('UPDATE devices SET domain = ? WHERE id = ?', 'west', 'dev1');
        await store.devices.noteConnected(await keyOf('dev1'), 10, facts());
        await store.devices.remove('dev1', 9);
        await store.devices.addAll(
          ['x', 'y'].map((id) => ({ id, domain: 'acme', secrets })),
          7,
          null,
        );
        const event = (kind: string, device: string, domain: string) => ({ kind, device, domain });
        expect(await since(position)).toEqual([
          event('device.added', 'dev1', 'acme'),
          event('device.claimed', 'new', 'lab'),
          event('device.removed', 'dev1', 'acme'),
          event('device.added', 'dev1', 'west'),
          event('device.removed', 'dev1', 'west'),
          event('device.added', 'x', 'acme'),
          event('device.added', 'y', 'acme'),
        ]);
        expect(await last()).toBe(position + 7);
      });

      test('have their numbers in the order in which they are there, whoever writes', async () => {
        const position = await last();
        const insert = 'INSERT INTO fleet_events (time, kind, device) VALUES (?, ?, ?)';
        await Promise.all(
          Array.from({ length: 20 }, async (_, n) =>
            n % 2 === 0 ? add(`dev${n}`) : tables.run(insert, n, 'test', `dev${n}`),
          ),
        );
        const rows = await tables.all<{ sequence: number }>(
          'SELECT sequence FROM fleet_events WHERE sequence > ? ORDER BY sequence',
          position,
        );
        expect(rows.map(({ sequence }) => sequence - position)).toEqual(
          Array.from({ length: 20 }, (_, n) => n + 1),
        );
        expect(
          await tables.get('SELECT time FROM fleet_events WHERE kind = ? AND time > 1000', 'device.added'),
        ).toEqual({
          time: expect.any(Number),
        });
        await expect(
          tables.run(insert, 1, 'test', null).then(() => tables.run(insert, 1, null, null)),
        ).rejects.toThrow();
        expect(await last()).toBe(position + 21);
      });
    });

    test('with a domain goes what names it', async () => {
      for (const user of ['alice', 'bob']) await store.users.add(user, 'hash', 0, 'user');
      await claimOf('new', 'west');
      await store.devices.remove('new', 4);
      await store.users.grant('bob', 'west');
      await store.users.grant('bob', 'acme');
      const statements: [sql: string, ...values: (string | Buffer)[]][] = [
        [
          `INSERT INTO fleet_grants (id, "user", role, domain, created, created_by)
             VALUES ('g1', 'bob', 'user', 'west', 0, 'x'), ('g2', 'bob', 'user', 'acme', 0, 'x')`,
        ],
        [
          `INSERT INTO fleet_keys (id, "user", name, hash, permissions, targets, created)
             VALUES ('k1', 'bob', 'a', ?, '[]', '[{"domain":"west"}]', 0),
               ('k2', 'bob', 'b', ?, '[]', '[{"device":"d","uid":"u"},{"domain":"west"},{"domain":"acme"}]', 0),
               ('k3', 'bob', 'c', ?, '[]', NULL, 0)`,
          ...[1, 2, 3].map((byte) => Buffer.alloc(32, byte)),
        ],
        [
          `INSERT INTO fleet_webhooks (id, url, description, domain, secret, enabled, position, created, creator, version)
             VALUES ('w1', 'u', '', 'west', 's', 1, 0, 0, 'bob', 1), ('w2', 'u', '', NULL, 's', 1, 0, 0, 'bob', 1)`,
        ],
        [
          `INSERT INTO fleet_deliveries (webhook, message, kind, payload, state, attempts, created)
             VALUES ('w1', 'm', 'k', '{}', 'waiting', 0, 0), ('w2', 'm', 'k', '{}', 'waiting', 0, 0)`,
        ],
        [
          `INSERT INTO fleet_enrolment_keys (id, hash, name, domain, prefix, approval, created, created_by)
             VALUES ('e1', ?, 'n', 'west', 'p', 0, 0, 'bob'), ('e2', ?, 'n', 'acme', 'p', 0, 0, 'bob')`,
          ...[4, 5].map((byte) => Buffer.alloc(32, byte)),
        ],
        [
          `INSERT INTO fleet_enrolments (id, secret, hardware, state, reason, domain, address, network, created, seen)
             VALUES ('n1', ?, '', 'waiting', 'key', 'west', '', '', 0, 0), ('n2', ?, '', 'enrolled', 'key', 'west', '', '', 0, 0)`,
          ...[6, 7].map((byte) => Buffer.alloc(32, byte)),
        ],
      ];
      for (const [sql, ...values] of statements) await tables.run(sql, ...values);
      const { last } = (await tables.get<{ last: number }>(
        'SELECT coalesce(max(sequence), 0) AS last FROM fleet_events',
      )) ?? {
        last: -1,
      };
      expect(await tables.run('DELETE FROM fleet_domains WHERE id = ?', 'west')).toBe(1);
      const left = async (table: string, column = 'id') =>
        (await tables.all<{ it: string }>(`SELECT ${column} AS it FROM ${table} ORDER BY 1`)).map(
          ({ it }) => it,
        );
      expect(await left('grants', 'domain')).toEqual(['acme']);
      expect(await left('fleet_grants')).toEqual(['g2']);
      const targets = await tables.all<{ targets: string | null }>(
        'SELECT targets FROM fleet_keys ORDER BY id',
      );
      expect(targets.map((key) => key.targets && JSON.parse(key.targets))).toEqual([
        [],
        [{ device: 'd', uid: 'u' }, { domain: 'acme' }],
        null,
      ]);
      expect([await left('fleet_webhooks'), await left('fleet_deliveries', 'webhook')]).toEqual([
        ['w2'],
        ['w2'],
      ]);
      expect([await left('fleet_enrolment_keys'), await left('fleet_enrolments')]).toEqual([['e2'], ['n2']]);
      expect(await tables.all('SELECT domain, last FROM fleet_event_ends')).toEqual([
        { domain: 'west', last },
      ]);
    });
  });
}
