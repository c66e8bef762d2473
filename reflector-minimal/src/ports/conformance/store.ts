import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Account,
  type Change,
  type DeviceKey,
  type Devices,
  pageLimit,
  type SessionRecord,
  type Store,
  StoreUnavailable,
  type UserRecord,
} from '../store.ts';

/** An adapter as the suite uses it, with data of its own that is empty at first. */
export interface StoreUnderTest {
  readonly store: Store;
  /** A further opener of the same data, as another process is one; closed by {@link end}. */
  openAgain(): Promise<Store>;
  /** From now on the store cannot be used, until the returned function is called. */
  makeUnavailable(): Promise<() => Promise<void>>;
  /** Closes everything and removes the data. */
  end(): Promise<void>;
}

const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const bounds = { perUser: 10, total: 100 };
const day = 24 * 3600_000;

/** Every rule of `docs/ports/store.md`, for one adapter. To be called in a test file of it. */
export function storeConformance(adapter: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${adapter} as a store`, () => {
    let subject: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      subject = await open();
      ({ store } = subject);
    });
    afterEach(() => subject.end());

    async function userOf(name: string): Promise<UserRecord> {
      const user = await store.users.get(name);
      if (!user) throw new Error(`no user ${name}`);
      return user;
    }

    async function addUser(name = 'alice'): Promise<UserRecord> {
      expect(await store.users.add(name, `hash of ${name}`, 1, 'user')).toBe(true);
      return userOf(name);
    }

    async function addDevice(id = 'dev1', domain = 'acme'): Promise<DeviceKey> {
      expect(await store.devices.add({ id, domain, secrets }, 1, null)).toBe('added');
      const device = await store.devices.identity(id);
      if (!device) throw new Error(`no device ${id}`);
      return device;
    }

    function sessionOf(user: string, byte: number, more: Partial<SessionRecord> = {}): SessionRecord {
      return {
        hash: Buffer.alloc(32, byte),
        kind: 'own',
        user,
        fingerprint: 'f',
        device: null,
        parent: null,
        created: 1,
        used: byte,
        expires: 1000,
        address: '192.0.2.1',
        agent: 'Firefox',
        ...more,
      };
    }

    async function changesAfter(position: number, limit = pageLimit): Promise<Change[]> {
      const found: Change[] = [];
      for (let at = position; ; ) {
        const page = await store.changes.after(at, limit);
        expect([page.complete, page.changes.length <= limit]).toEqual([true, true]);
        if (page.changes.length === 0) return found;
        expect(page.position).toBeGreaterThan(at);
        found.push(...page.changes);
        at = page.position;
      }
    }

    /** What of it was announced, without repetitions. */
    async function announced(change: () => Promise<unknown>): Promise<string[]> {
      const position = await store.changes.position();
      await change();
      const changes = await changesAfter(position);
      return [...new Set(changes.map(({ kind, key }) => `${kind} ${key}`))].sort();
    }

    describe('users', () => {
      test('are added once, and one that is made anew is another one', async () => {
        expect(await store.users.isEmpty()).toBe(true);
        const first = await addUser();
        expect(await store.users.isEmpty()).toBe(false);
        expect(first).toEqual({
          name: 'alice',
          uid: expect.stringMatching(/./),
          password: 'hash of alice',
          created: 1,
          role: 'user',
          domains: [],
          totpSecret: null,
        });
        expect(await store.users.add('alice', 'other', 2, 'administrator')).toBe(false);
        expect(await userOf('alice')).toEqual(first);
        expect(await store.users.remove('alice', false)).toBe('done');
        expect(await store.users.remove('alice', false)).toBe('missing');
        expect(await store.users.get('alice')).toBeNull();
        expect((await addUser()).uid).not.toBe(first.uid);
      });

      test('names differ by case and by every character', async () => {
        for (const name of ['alice', 'Alice', 'älice', 'a%', 'a_']) await addUser(name);
        expect((await store.users.page('', 10)).map(({ name }) => name)).toHaveLength(5);
        expect(await store.users.get('ALICE')).toBeNull();
      });

      test('come by name, a page at a time', async () => {
        for (const name of ['carol', 'alice', 'bob']) await addUser(name);
        const pages = [
          await store.users.page('', 2),
          await store.users.page('bob', 2),
          await store.users.page('carol', 2),
        ];
        expect(pages.map((page) => page.map(({ name }) => name))).toEqual([['alice', 'bob'], ['carol'], []]);
        expect(await store.users.page('', 0)).toEqual([]);
      });

      test('of two calls that add one name at once, one succeeds', async () => {
        const other = await subject.openAgain();
        const added = await Promise.all([
          store.users.add('alice', 'a', 1, 'user'),
          other.users.add('alice', 'b', 1, 'user'),
        ]);
        expect([...added].sort()).toEqual([false, true]);
      });

      test('see the domains granted, sorted, and no others', async () => {
        await addUser();
        expect(await store.users.grant('alice', 'b')).toBe(true);
        expect(await store.users.grant('alice', 'a')).toBe(true);
        expect(await store.users.grant('alice', 'a')).toBe(false);
        expect(await store.users.grant('nobody', 'a')).toBe(false);
        expect((await userOf('alice')).domains).toEqual(['a', 'b']);
        expect(await store.users.revoke('alice', 'b')).toBe(true);
        expect(await store.users.revoke('alice', 'b')).toBe(false);
        await store.users.remove('alice', false);
        expect((await addUser()).domains).toEqual([]);
      });

      test('a new password ends what was opened under the former, and only once', async () => {
        const former = await addUser();
        await store.sessions.add(sessionOf('alice', 1), former, bounds);
        const changed = await store.users.setPassword('alice', 'second', former);
        expect(changed).toEqual({ ...former, password: 'second' });
        expect(await store.sessions.list('alice', 10)).toEqual([]);
        expect(await store.users.setPassword('alice', 'third', former)).toBeNull();
        expect((await userOf('alice')).password).toBe('second');
        expect((await store.users.setPassword('alice', 'fourth'))?.password).toBe('fourth');
        expect(await store.users.setPassword('nobody', 'x')).toBeNull();
        await store.users.remove('alice', false);
        await store.users.add('alice', former.password, 1, 'user');
        expect(await store.users.setPassword('alice', 'fifth', former)).toBeNull();
      });

      test('a new password is for an account with the same one-time passwords', async () => {
        const former = await addUser();
        const totp = { secret: Buffer.alloc(20, 1), step: 0, recovery: [] };
        const protectedNow = await store.users.setTotp(former, totp);
        if (!protectedNow) throw new Error('not switched on');
        expect(await store.users.setPassword('alice', 'second', former)).toBeNull();
        const changed = await store.users.setPassword('alice', 'second', protectedNow);
        expect(changed).toEqual({ ...protectedNow, password: 'second' });
      });

      test('the last administrator stays, unless forced, also when two are taken at once', async () => {
        for (const name of ['alice', 'bob']) await store.users.add(name, 'hash', 1, 'administrator');
        const other = await subject.openAgain();
        const taken = await Promise.all([
          store.users.demote('alice', false),
          other.users.remove('bob', false),
        ]);
        expect([...taken].sort()).toEqual(['done', 'last']);
        const left = (await store.users.page('', 10)).filter(({ role }) => role === 'administrator');
        expect(left).toHaveLength(1);
        const last = left[0]?.name ?? '';
        expect(await store.users.demote(last, true)).toBe('done');
        expect(await store.users.promote(last)).toBe(true);
        expect(await store.users.remove(last, false)).toBe('last');
        expect(await store.users.remove(last, true)).toBe('done');
        expect([await store.users.promote('nobody'), await store.users.demote('nobody', false)]).toEqual([
          false,
          'missing',
        ]);
      });
    });

    describe('one-time passwords', () => {
      const secret = Buffer.from('secret');
      const recovery = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
      let before: UserRecord;
      let account: Account;
      beforeEach(async () => {
        before = await addUser();
        await store.sessions.add(sessionOf('alice', 1), before, bounds);
        const changed = await store.users.setTotp(before, { secret, step: 5, recovery });
        if (!changed) throw new Error('not set');
        account = changed;
      });

      test('end what was opened without, and are not set for an account that was changed', async () => {
        expect(account).toEqual({ ...before, totpSecret: secret });
        expect(await store.sessions.list('alice', 10)).toEqual([]);
        const again = { secret: Buffer.from('other'), step: 1, recovery: [] };
        expect(await store.users.setTotp(before, again)).toBeNull();
        expect(await store.users.setTotp({ ...account, password: 'x' }, again)).toBeNull();
        expect(await store.users.setTotp({ ...account, uid: 'x' }, again)).toBeNull();
        expect((await userOf('alice')).totpSecret).toEqual(secret);
      });

      test('a step is used once, and with it all before', async () => {
        expect(await store.users.useTotpStep(account, 5)).toBe(false);
        expect(await store.users.useTotpStep(account, 7)).toBe(true);
        expect([
          await store.users.useTotpStep(account, 7),
          await store.users.useTotpStep(account, 6),
        ]).toEqual([false, false]);
      });

      test('of several calls with one code at once, one succeeds', async () => {
        const other = await subject.openAgain();
        const all = [store, other, store, other];
        const steps = await Promise.all(all.map(({ users }) => users.useTotpStep(account, 9)));
        expect(steps.filter(Boolean)).toHaveLength(1);
        const [code = secret] = recovery;
        const codes = await Promise.all(all.map(({ users }) => users.useRecoveryCode(account, code)));
        expect(codes.filter(Boolean)).toHaveLength(1);
      });

      test('a code is worth nothing for an account that was changed since', async () => {
        const stale = account;
        const renewed = await store.users.setTotp(account, {
          secret: Buffer.from('other'),
          step: 1,
          recovery,
        });
        expect(await store.users.useTotpStep(stale, 20)).toBe(false);
        expect(await store.users.useRecoveryCode(stale, recovery[0] ?? secret)).toBe(false);
        if (!renewed) throw new Error('not set');
        expect(await store.users.useTotpStep(renewed, 20)).toBe(true);
        await store.users.setPassword('alice', 'second');
        expect(await store.users.useTotpStep(renewed, 21)).toBe(false);
        expect(await store.users.useRecoveryCode(renewed, recovery[0] ?? secret)).toBe(false);
      });

      test('are removed with their recovery codes', async () => {
        expect(await store.users.removeTotp('alice')).toBe(true);
        expect([await store.users.removeTotp('alice'), await store.users.removeTotp('nobody')]).toEqual([
          false,
          false,
        ]);
        const plain = await userOf('alice');
        expect(plain.totpSecret).toBeNull();
        expect(await store.users.useTotpStep(plain, 30)).toBe(false);
        expect(await store.users.useRecoveryCode(plain, recovery[0] ?? secret)).toBe(false);
      });
    });

    describe('devices', () => {
      test('are added once; one that is made anew is another one, and says that its id was used', async () => {
        const first = await addDevice();
        expect(await store.devices.get('dev1')).toMatchObject({
          ...secrets,
          id: 'dev1',
          domain: 'acme',
          claimed: true,
          handedOver: false,
          online: false,
          connects: 0,
          properties: {},
          fingerprint: null,
          certificatesSince: null,
          refused: null,
        });
        expect(await store.devices.add({ id: 'dev1', domain: 'other', secrets }, 2, null)).toBe('taken');
        expect(await store.devices.remove('dev1', 3)).toBe(true);
        expect(await store.devices.remove('dev1', 3)).toBe(false);
        expect([await store.devices.identity('dev1'), await store.devices.get('dev1')]).toEqual([null, null]);
        const second = await addDevice();
        expect(second).toMatchObject({ handedOver: true });
        expect(second.uid).not.toBe(first.uid);
      });

      test('all of a list are added, or none', async () => {
        await addDevice('dev2');
        const list = ['dev1', 'dev2', 'dev3'].map((id) => ({ id, domain: 'acme', secrets }));
        expect(await store.devices.addAll(list, 1, null)).toEqual(['dev2']);
        expect(await store.devices.count({ domains: null, claimed: true })).toBe(1);
        expect(
          await store.devices.addAll(
            list.filter(({ id }) => id !== 'dev2'),
            1,
            null,
          ),
        ).toEqual([]);
        expect(await store.devices.count({ domains: ['acme'], claimed: true })).toBe(3);
      });

      test('come by id and domain, a page at a time', async () => {
        for (const [id, domain] of [
          ['d', 'b'],
          ['a', 'a'],
          ['c', 'a'],
          ['b', 'b'],
        ] as const)
          await addDevice(id, domain);
        const ids = async (domains: string[] | null, after: string, limit: number) =>
          (await store.devices.page({ domains, claimed: true }, after, limit)).map(({ id }) => id);
        expect(await ids(null, '', 3)).toEqual(['a', 'b', 'c']);
        expect(await ids(null, 'c', 3)).toEqual(['d']);
        expect(await ids(['a'], '', 3)).toEqual(['a', 'c']);
        expect(await ids(['b', 'a'], 'a', 2)).toEqual(['b', 'c']);
        expect(await ids([], '', 3)).toEqual([]);
        expect(await ids(null, '', 0)).toEqual([]);
        expect(await store.devices.count({ domains: ['b'], claimed: true })).toBe(2);
        expect(await store.devices.count({ domains: [], claimed: true })).toBe(0);
      });

      test(`a page has at most ${pageLimit} records`, async () => {
        const list = Array.from({ length: pageLimit + 1 }, (_, i) => ({ id: `d${i}`, domain: 'a', secrets }));
        await store.devices.addAll(list, 1, null);
        const page = await store.devices.page({ domains: null, claimed: true }, '', pageLimit * 10);
        expect(page).toHaveLength(pageLimit);
      });

      test('single ones come among those of domains, each once', async () => {
        const named = ['d', 'a', 'c', 'b'].map((id) => ({ id, domain: id < 'c' ? 'x' : 'y', secrets }));
        await store.devices.addAll(named, 1, null);
        const room = { all: 10, ofNetwork: 10 };
        const from = { address: '192.0.2.1', network: '192.0.2.0/24' };
        await store.devices.addUnclaimed({ id: 'u', domain: 'x', password: 'hash' }, from, 1, room);
        const found = async (domains: string[] | null, devices: string[], claimed = true) => {
          const filter = { domains, devices, claimed };
          const page = await store.devices.page(filter, '', 10);
          expect(await store.devices.count(filter)).toBe(page.length);
          return page.map(({ id }) => id).join('');
        };
        expect(await found(['x'], ['d', 'a', 'none', 'u'])).toBe('abd');
        expect(await found([], ['c'])).toBe('c');
        expect(await found([], [])).toBe('');
        expect(await found(null, ['c'])).toBe('abcd');
        expect(await found([], ['u', 'c'], false)).toBe('u');
        const filter = { domains: ['x'], devices: ['c', 'd'], claimed: true };
        const ids = async (after: string) =>
          (await store.devices.page(filter, after, 2)).map(({ id }) => id).join('');
        expect([await ids(''), await ids('b'), await ids('d')]).toEqual(['ab', 'cd', '']);
      });

      test('an unknown one waits to be claimed, and gives way to one that is added', async () => {
        const from = { address: '192.0.2.1', network: '192.0.2.0/24' };
        const room = { all: 10, ofNetwork: 10 };
        const unknown = { id: 'dev1', domain: 'acme', password: 'hash' };
        expect(await store.devices.addUnclaimed(unknown, from, 1, room)).toBe(true);
        expect(await store.devices.addUnclaimed(unknown, from, 1, room)).toBe(false);
        expect(await store.devices.identity('dev1')).toBeNull();
        expect(await store.devices.credentials('dev1')).toMatchObject({
          claimed: false,
          address: '192.0.2.1',
        });
        expect(await store.devices.setSecrets('dev1', secrets, 1, null)).toBe(false);
        const waiting = await store.devices.page({ domains: null, claimed: false }, '', 10);
        expect(waiting.map(({ id }) => id)).toEqual(['dev1']);
        expect(await store.devices.claim('dev1', 'other')).toBe(false);
        expect(await store.devices.claim('dev1', 'acme')).toBe(true);
        expect(await store.devices.claim('dev1', 'acme')).toBe(false);
        expect(await store.devices.identity('dev1')).toMatchObject({ id: 'dev1', domain: 'acme' });
        await store.devices.addUnclaimed({ ...unknown, id: 'dev2' }, from, 1, room);
        expect(await store.devices.add({ id: 'dev2', domain: 'acme', secrets }, 1, null)).toBe('added');
        expect(await store.devices.count({ domains: null, claimed: false })).toBe(0);
      });

      test('no more are added than a domain may have, also when they come at once', async () => {
        const other = await subject.openAgain();
        await addDevice('first');
        await addDevice('elsewhere', 'other');
        const from = { address: '192.0.2.1', network: '192.0.2.0/24' };
        const unknown = { id: 'waits', domain: 'acme', password: 'hash' };
        await store.devices.addUnclaimed(unknown, from, 1, { all: 10, ofNetwork: 10 });
        const add = (devices: Devices, id: string, domain: string, most: number) =>
          devices.add({ id, domain, secrets }, 1, null, most);
        const outcomes = await Promise.all(
          ['a', 'b', 'c', 'd'].map((id, i) => add((i % 2 === 0 ? store : other).devices, id, 'acme', 3)),
        );
        expect(outcomes.sort()).toEqual(['added', 'added', 'full', 'full']);
        expect(await add(store.devices, 'first', 'acme', 3)).toBe('full');
        expect(await add(store.devices, 'first', 'acme', 4)).toBe('taken');
        expect(await add(store.devices, 'waits', 'acme', 4)).toBe('added');
        expect(await add(store.devices, 'e', 'other', 2)).toBe('added');
        expect(await store.devices.count({ domains: ['acme'], claimed: true })).toBe(4);
      });

      test('no more unknown ones wait than may, in all and of one network, also when they come at once', async () => {
        const other = await subject.openAgain();
        const come = (ids: readonly string[], network: string) =>
          Promise.all(
            ids.map((id, i) =>
              (i % 2 === 0 ? store : other).devices.addUnclaimed(
                { id, domain: 'acme', password: 'hash' },
                { address: '192.0.2.1', network },
                1,
                { all: 5, ofNetwork: 3 },
              ),
            ),
          );
        expect((await come(['a', 'b', 'c', 'd', 'e'], 'near')).filter(Boolean)).toHaveLength(3);
        expect((await come(['f', 'g', 'h'], 'far')).filter(Boolean)).toHaveLength(2);
        expect(await store.devices.countUnclaimed('near')).toEqual({ all: 5, ofNetwork: 3 });
      });

      test('other secrets take the fingerprint of the former away', async () => {
        await addDevice();
        const fingerprint = Buffer.from('f');
        await store.devices.setFingerprint('dev1', 'another hash', fingerprint);
        expect((await store.devices.credentials('dev1'))?.fingerprint).toBeNull();
        await store.devices.setFingerprint('dev1', 'hash', fingerprint);
        expect((await store.devices.credentials('dev1'))?.fingerprint).toEqual(fingerprint);
        expect(await store.devices.setSecrets('dev1', { ...secrets, password: 'second' }, 1, 7)).toBe(true);
        expect(await store.devices.credentials('dev1')).toMatchObject({
          password: 'second',
          fingerprint: null,
          certificatesSince: 7,
        });
        expect(await store.devices.setSecrets('nobody', secrets, 1, null)).toBe(false);
      });

      test('who has decided about a record in a domain changes and removes no other', async () => {
        const domain = 'acme';
        const former = { ...(await addDevice()), domain };
        await store.devices.remove('dev1', 1);
        const device = { ...(await addDevice()), domain };
        const changed = { ...secrets, password: 'second' };
        for (const other of [former, { ...device, domain: 'elsewhere' }]) {
          expect(await store.devices.setSecrets('dev1', changed, 2, null, other)).toBe(false);
          expect(await store.devices.remove('dev1', 2, other)).toBe(false);
        }
        expect(await store.devices.credentials('dev1')).toMatchObject({ uid: device.uid, password: 'hash' });
        expect(await store.devices.setSecrets('dev1', changed, 2, null, device)).toBe(true);
        expect(await store.devices.credentials('dev1')).toMatchObject({ password: 'second' });
        expect(await store.devices.remove('dev1', 2, device)).toBe(true);
        expect(await store.devices.remove('dev1', 2, device)).toBe(false);
      });

      test('certificates count from a day before, and none from before the ID was used again', async () => {
        await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 10 * day, 'default');
        expect((await store.devices.credentials('dev1'))?.certificatesSince).toBe(9 * day);
        await store.devices.remove('dev1', 10 * day + 1);
        await store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 10 * day + 2, 'default');
        expect((await store.devices.credentials('dev1'))?.certificatesSince).toBe(10 * day + 1);
      });

      test('what is noted of a connection is kept, and not for a record that was made anew', async () => {
        const first = await addDevice();
        const facts = {
          address: '192.0.2.2',
          agent: 'agent/1',
          properties: { name: 'Pump', __proto__x: 'y' },
        };
        await store.devices.noteConnected(first, 10, facts);
        await store.devices.addTraffic(first, 3, 4);
        await store.devices.addTraffic(first, 30, 40);
        await store.devices.noteDuplicate(first, 11);
        await store.devices.noteRefused(first, 12, { reason: 'wrong password', address: '192.0.2.3' });
        expect(await store.devices.get('dev1')).toMatchObject({
          ...facts,
          online: true,
          connects: 1,
          lastConnect: 10,
          bytesFrom: 33,
          bytesTo: 44,
          duplicateNoticed: 11,
          refused: 12,
          refusedReason: 'wrong password',
          refusedAddress: '192.0.2.3',
        });
        await store.devices.setProperties(first, { name: 'Valve' });
        await store.devices.noteDisconnected(first, 13, {
          cause: 'disconnected',
          reason: 'disconnected by a user',
          by: 'alice',
        });
        expect(await store.devices.get('dev1')).toMatchObject({
          online: false,
          lastSeen: 13,
          lastEnd: { cause: 'disconnected', reason: 'disconnected by a user', by: 'alice' },
          properties: { name: 'Valve' },
        });
        await store.devices.noteConnected(first, 14, facts);
        await store.devices.noteAllOffline();
        expect(await store.devices.get('dev1')).toMatchObject({ online: false, lastEnd: null });
        await store.devices.remove('dev1', 15);
        await addDevice();
        await store.devices.noteConnected(first, 16, facts);
        await store.devices.addTraffic(first, 1, 1);
        expect(await store.devices.get('dev1')).toMatchObject({ online: false, connects: 0, bytesFrom: 0 });
      });
    });

    describe('sessions', () => {
      test('are found by hash, and end with their parent, user or password', async () => {
        const user = await addUser();
        const own = sessionOf('alice', 1);
        const page = sessionOf('alice', 2, { kind: 'device', device: 'dev1', parent: own.hash });
        expect(await store.sessions.add(own, user, bounds)).toBe(true);
        expect(await store.sessions.add(page, user, bounds)).toBe(true);
        expect(await store.sessions.get(page.hash)).toEqual(page);
        expect(await store.sessions.get(Buffer.alloc(32, 9))).toBeNull();
        expect((await store.sessions.list('alice', 10)).map(({ used }) => used)).toEqual([2, 1]);
        expect(await store.sessions.list('alice', 1)).toHaveLength(1);
        expect(await store.sessions.remove(own.hash)).toBe(true);
        expect(await store.sessions.remove(own.hash)).toBe(false);
        expect(await store.sessions.get(page.hash)).toBeNull();
        await store.sessions.add(own, user, bounds);
        await store.users.remove('alice', false);
        expect(await store.sessions.get(own.hash)).toBeNull();
      });

      test('are not opened for an account that was changed, nor under a parent that is gone', async () => {
        const user = await addUser();
        const session = sessionOf('alice', 1);
        for (const other of [{ uid: 'x' }, { password: 'x' }, { totpSecret: Buffer.from('x') }])
          expect(await store.sessions.add(session, { ...user, ...other }, bounds)).toBe(false);
        const orphan = sessionOf('alice', 2, { kind: 'device', device: 'd', parent: Buffer.alloc(32, 7) });
        expect(await store.sessions.add(orphan, user, bounds)).toBe(false);
        expect(await store.sessions.list('alice', 10)).toEqual([]);
      });

      test('one that is opened while the password changes does not survive it', async () => {
        const user = await addUser();
        const other = await subject.openAgain();
        await Promise.all([
          store.sessions.add(sessionOf('alice', 1), user, bounds),
          other.users.setPassword('alice', 'second'),
        ]);
        expect(await store.sessions.list('alice', 10)).toEqual([]);
      });

      test('the least recently used give way, of each user and kind, and of all', async () => {
        const [alice, bob] = [await addUser('alice'), await addUser('bob')];
        const few = { perUser: 2, total: 4 };
        for (const byte of [1, 2]) await store.sessions.add(sessionOf('alice', byte), alice, few);
        await store.sessions.touch(Buffer.alloc(32, 1), null, 50);
        await store.sessions.add(sessionOf('alice', 3), alice, few);
        expect((await store.sessions.list('alice', 10)).map(({ hash }) => hash[0])).toEqual([1, 3]);
        await store.sessions.add(sessionOf('alice', 4, { kind: 'token' }), alice, few);
        for (const byte of [5, 6]) await store.sessions.add(sessionOf('bob', byte), bob, few);
        const left = [...(await store.sessions.list('alice', 10)), ...(await store.sessions.list('bob', 10))];
        expect(left.map(({ hash }) => hash[0])).toEqual([1, 4, 6, 5]);
      });

      test('the use of one is that of its parent', async () => {
        const user = await addUser();
        const own = sessionOf('alice', 1);
        const page = sessionOf('alice', 2, { kind: 'device', device: 'd', parent: own.hash });
        for (const session of [own, page]) await store.sessions.add(session, user, bounds);
        await store.sessions.touch(page.hash, own.hash, 70);
        expect((await store.sessions.list('alice', 10)).map(({ used }) => used)).toEqual([70, 70]);
      });

      test('all of a user end at once, and what has expired when told', async () => {
        const user = await addUser();
        const own = sessionOf('alice', 1);
        const page = sessionOf('alice', 2, { kind: 'device', device: 'd', parent: own.hash });
        for (const session of [own, page]) await store.sessions.add(session, user, bounds);
        expect([await store.sessions.removeAll('alice'), await store.sessions.removeAll('alice')]).toEqual([
          2, 0,
        ]);
        await store.sessions.add(sessionOf('alice', 3, { expires: 100 }), user, bounds);
        await store.sessions.add(sessionOf('alice', 4, { used: 10 }), user, bounds);
        await store.sessions.add(sessionOf('alice', 5, { used: 10, kind: 'token' }), user, bounds);
        await store.sessions.add(sessionOf('alice', 6, { used: 11 }), user, bounds);
        await store.sessions.removeExpired(100, 10);
        expect((await store.sessions.list('alice', 10)).map(({ hash }) => hash[0])).toEqual([6, 5]);
      });

      test('on the hosts of a device end with it, and no others', async () => {
        const user = await addUser();
        for (const id of ['dev1', 'dev1-a', 'dev12']) await addDevice(id);
        const own = sessionOf('alice', 1);
        await store.sessions.add(own, user, bounds);
        const places = ['dev1', 'dev1-8080', '*dev1', '*dev1-8080', 'dev1-a', 'dev12'];
        for (const [i, device] of places.entries()) {
          const session = sessionOf('alice', 10 + i, { kind: 'device', device, parent: own.hash });
          await store.sessions.add(session, user, bounds);
        }
        await store.devices.remove('dev1', 5);
        const left = (await store.sessions.list('alice', 10)).map(({ device }) => device);
        expect(left).toEqual(['dev12', 'dev1-a', null]);
      });

      test('on hosts that look like ports of a removed device stay: those of other devices, and names that are no port', async () => {
        const user = await addUser();
        await addDevice('dev1');
        for (const id of ['dev1-8080', 'dev1-1a', 'dev1-808080', 'dev1-1-2']) await addDevice(id, 'other');
        const own = sessionOf('alice', 1);
        await store.sessions.add(own, user, bounds);
        const places = ['dev1-443', 'dev1-8080', '*dev1-8080', 'dev1-1a', 'dev1-808080', 'dev1-1-2'];
        for (const [i, device] of places.entries()) {
          const session = sessionOf('alice', 10 + i, { kind: 'device', device, parent: own.hash });
          await store.sessions.add(session, user, bounds);
        }
        await store.devices.remove('dev1', 5);
        const left = (await store.sessions.list('alice', 10)).map(({ device }) => device);
        expect(left).toEqual(['dev1-1-2', 'dev1-808080', 'dev1-1a', '*dev1-8080', 'dev1-8080', null]);
      });
    });

    describe('a device whose id is the host of a port of another one', () => {
      test.each([
        ['that is added', () => addDevice('dev1-8080', 'other')],
        [
          'that is claimed',
          async () => {
            const from = { address: '192.0.2.1', network: '192.0.2.1' };
            const added = { id: 'dev1-8080', domain: 'other', password: 'hash' };
            await store.devices.addUnclaimed(added, from, 1, { all: 9, ofNetwork: 9 });
            expect(await store.devices.claim('dev1-8080', 'other')).toBe(true);
          },
        ],
      ])('and %s is handed over, without the sessions of that port', async (_how, add) => {
        const user = await addUser();
        await addDevice('dev1');
        const own = sessionOf('alice', 1);
        await store.sessions.add(own, user, bounds);
        const places = ['dev1', 'dev1-8080', '*dev1-8080', 'dev1-808', 'dev1-80800'];
        for (const [i, device] of places.entries()) {
          const session = sessionOf('alice', 10 + i, { kind: 'device', device, parent: own.hash });
          await store.sessions.add(session, user, bounds);
        }
        expect(await announced(add)).toEqual([
          'device dev1-8080',
          ...[11, 12].map((byte) => `session ${Buffer.alloc(32, byte).toString('hex')}`),
        ]);
        expect(await store.devices.identity('dev1-8080')).toMatchObject({ handedOver: true });
        expect(await store.devices.identity('dev1')).toMatchObject({ handedOver: false });
        const left = (await store.sessions.list('alice', 10)).map(({ device }) => device);
        expect(left).toEqual(['dev1-80800', 'dev1-808', 'dev1', null]);
      });

      test('and that was there before has no session of that port either', async () => {
        const user = await addUser();
        await addDevice('dev1');
        await addDevice('dev1-8080');
        await store.devices.remove('dev1-8080', 5);
        const own = sessionOf('alice', 1);
        await store.sessions.add(own, user, bounds);
        const ofPort = sessionOf('alice', 2, { kind: 'device', device: 'dev1-8080', parent: own.hash });
        await store.sessions.add(ofPort, user, bounds);
        await addDevice('dev1-8080', 'other');
        expect((await store.sessions.list('alice', 10)).map(({ device }) => device)).toEqual([null]);
      });

      test('is handed over also when that one was removed before', async () => {
        await addDevice('dev1');
        await store.devices.remove('dev1', 5);
        expect(await addDevice('dev1-8080')).toMatchObject({ handedOver: true });
        for (const id of ['dev2-8080', 'dev1-808000', 'dev1-a'])
          expect(await addDevice(id)).toMatchObject({ handedOver: false });
      });
    });

    describe('settings', () => {
      test('are set, replaced and removed', async () => {
        expect(await store.settings.get('url')).toBeNull();
        await store.settings.set('url', Buffer.from('a'));
        await store.settings.set('url', Buffer.from([0, 255]));
        expect(await store.settings.get('url')).toEqual(Buffer.from([0, 255]));
        await store.settings.set('url', null);
        expect(await store.settings.get('url')).toBeNull();
      });

      test('a key is made once, whoever is first', async () => {
        const other = await subject.openAgain();
        const [a, b] = await Promise.all([
          store.settings.getOrAdd('key', Buffer.from('a')),
          other.settings.getOrAdd('key', Buffer.from('b')),
        ]);
        expect(a).toEqual(b);
        expect(await store.settings.getOrAdd('key', Buffer.from('c'))).toEqual(a);
      });
    });

    describe('audit entries', () => {
      const entry = (time: number, event: string, user: string | null, device: string | null) => ({
        time,
        event,
        user,
        device,
        record: JSON.stringify({ event }),
      });

      test('come in their order, by what is asked for, a page at a time', async () => {
        await store.audit.append([
          entry(10, 'log-in', 'alice', null),
          entry(20, 'request', 'alice', 'dev1'),
          entry(15, 'request', 'bob', 'dev1'),
        ]);
        await store.audit.append([entry(30, 'log-in', 'bob', null)]);
        const all = await store.audit.page({}, 0, 10);
        expect(all.map(({ time }) => time)).toEqual([10, 20, 15, 30]);
        expect(all[1]).toMatchObject(entry(20, 'request', 'alice', 'dev1'));
        const [first, second] = await store.audit.page({}, 0, 2);
        expect([first, second]).toEqual(all.slice(0, 2));
        expect(await store.audit.page({}, second?.sequence ?? 0, 2)).toEqual(all.slice(2));
        const times = async (filter: Parameters<typeof store.audit.page>[0]) =>
          (await store.audit.page(filter, 0, 10)).map(({ time }) => time);
        expect(await times({ user: 'alice' })).toEqual([10, 20]);
        expect(await times({ device: 'dev1' })).toEqual([20, 15]);
        expect(await times({ event: 'log-in', user: 'bob' })).toEqual([30]);
        expect(await times({ since: 15, until: 30 })).toEqual([20, 15]);
        await store.audit.removeBefore(20);
        expect(await times({})).toEqual([20, 30]);
      });
    });

    describe('the change feed', () => {
      test('names what was changed of users and their grants, and nothing that was not', async () => {
        const { users } = store;
        expect(await announced(() => users.add('alice', 'hash', 1, 'administrator'))).toEqual(['user alice']);
        expect(await announced(() => users.add('alice', 'hash', 1, 'user'))).toEqual([]);
        expect(await announced(() => users.setPassword('alice', 'second'))).toEqual(['user alice']);
        expect(await announced(() => users.grant('alice', 'acme'))).toEqual(['user alice']);
        expect(await announced(() => users.grant('alice', 'acme'))).toEqual([]);
        expect(await announced(() => users.revoke('alice', 'acme'))).toEqual(['user alice']);
        expect(await announced(() => users.demote('alice', true))).toEqual(['user alice']);
        const totp = { secret: Buffer.from('s'), step: 1, recovery: [] };
        const user = await userOf('alice');
        expect(await announced(() => users.setTotp(user, totp))).toEqual(['user alice']);
        expect(await announced(() => users.removeTotp('alice'))).toEqual(['user alice']);
        expect(await announced(() => users.remove('alice', false))).toEqual(['user alice']);
        expect(await announced(() => users.remove('alice', false))).toEqual([]);
      });

      test('names the sessions that end, also those that end with something else', async () => {
        const hash = (byte: number) => `session ${Buffer.alloc(32, byte).toString('hex')}`;
        const user = await addUser();
        const open = async () => {
          const own = sessionOf('alice', 1);
          await store.sessions.add(own, user, bounds);
          const page = sessionOf('alice', 2, { kind: 'device', device: 'dev1', parent: own.hash });
          await store.sessions.add(page, user, bounds);
        };
        const { sessions } = store;
        await open();
        expect(await announced(() => sessions.touch(Buffer.alloc(32, 1), null, 60))).toEqual([]);
        const ways: (readonly [() => Promise<unknown>, string[]])[] = [
          [() => sessions.remove(Buffer.alloc(32, 1)), [hash(1), hash(2)]],
          [() => sessions.remove(Buffer.alloc(32, 2)), [hash(2)]],
          [() => sessions.removeAll('alice'), [hash(1), hash(2)]],
          [() => sessions.removeExpired(1000, 0), [hash(1), hash(2)]],
          [
            () => sessions.add(sessionOf('alice', 3), user, { perUser: 1, total: 9 }),
            [hash(1), hash(2), hash(3)],
          ],
          [() => store.users.setPassword('alice', user.password), [hash(1), hash(2), 'user alice']],
          [() => store.users.remove('alice', false), [hash(1), hash(2), 'user alice']],
        ];
        for (const [end, expected] of ways) {
          await sessions.removeAll('alice');
          await open();
          expect(await announced(end)).toEqual(expected);
        }
      });

      test('names what was changed of devices, and not what is noted of their connections', async () => {
        const { devices } = store;
        const add = { id: 'dev1', domain: 'acme', secrets };
        expect(await announced(() => devices.add(add, 1, null))).toEqual(['device dev1']);
        const key = await devices.identity('dev1');
        if (!key) throw new Error('no device');
        const facts = { address: 'a', agent: 'a', properties: {} };
        const noted = async () => {
          await devices.noteConnected(key, 1, facts);
          await devices.setProperties(key, { a: 'b' });
          await devices.addTraffic(key, 1, 1);
          await devices.noteDuplicate(key, 1);
          await devices.noteRefused(key, 1, { reason: '', address: '' });
          await devices.noteDisconnected(key, 1, { cause: 'lost', reason: '' });
          await devices.noteAllOffline();
        };
        expect(await announced(noted)).toEqual([]);
        expect(await announced(() => devices.setSecrets('dev1', secrets, 1, 5))).toEqual(['device dev1']);
        expect(await announced(() => devices.remove('dev1', 1))).toEqual(['device dev1']);
        const unknown = { id: 'dev2', domain: 'acme', password: 'hash' };
        await devices.addUnclaimed(unknown, { address: 'a', network: 'n' }, 1, { all: 9, ofNetwork: 9 });
        expect(await announced(() => devices.claim('dev2', 'acme'))).toEqual(['device dev2']);
        const many = ['dev3', 'dev4'].map((id) => ({ id, domain: 'acme', secrets }));
        expect(await announced(() => devices.addAll(many, 1, null))).toEqual(['device dev3', 'device dev4']);
      });

      test('is one order for all openers, in which every change is found from every position', async () => {
        const other = await subject.openAgain();
        const start = await store.changes.position();
        expect(await other.changes.position()).toBe(start);
        const names = Array.from({ length: 20 }, (_, i) => `user${i}`);
        await Promise.all(
          names.map((name, i) => (i % 2 === 0 ? store : other).users.add(name, 'hash', 1, 'user')),
        );
        const changes = await changesAfter(start, 7);
        expect(changes.map(({ key }) => key).sort()).toEqual([...names].sort());
        expect(await changesAfter(start)).toEqual(changes);
        const page = await other.changes.after(start, 5);
        expect(page.changes).toEqual(changes.slice(0, 5));
        expect(await changesAfter(page.position)).toEqual(changes.slice(5));
        expect(await changesAfter(await other.changes.position())).toEqual([]);
      });

      test('says so when it does not know any more what came after a position', async () => {
        await addUser();
        const { position, complete, changes } = await store.changes.after(
          (await store.changes.position()) + 1_000,
          10,
        );
        expect([complete, changes, position]).toEqual([false, [], await store.changes.position()]);
      });

      test('hints at a change by this opener before its promise resolves, and while somebody listens', async () => {
        let hints = 0;
        const stop = store.changes.onHint(() => hints++);
        await addUser();
        expect(hints).toBeGreaterThan(0);
        const before = hints;
        const user = await userOf('alice');
        expect(hints).toBe(before);
        await store.sessions.add(sessionOf('alice', 1), user, bounds);
        expect(hints).toBeGreaterThan(before);
        stop();
        const last = hints;
        await store.users.remove('alice', false);
        expect(hints).toBe(last);
      });

      test('what a hint says covers all that is changed', async () => {
        const hints: (Change | undefined)[] = [];
        const stop = store.changes.onHint((change) => hints.push(change));
        const covers = (hint: Change | undefined, { kind, key }: Change) =>
          !hint ||
          (hint.kind === kind && hint.key === key) ||
          (kind === 'session' && hint.kind !== 'session');
        const device = { id: 'dev1', domain: 'acme', secrets };
        const acts: (() => Promise<unknown>)[] = [
          () => addUser(),
          () => store.users.grant('alice', 'acme'),
          async () => store.sessions.add(sessionOf('alice', 1), await userOf('alice'), bounds),
          async () => store.sessions.add(sessionOf('alice', 2), await userOf('alice'), bounds),
          () => store.sessions.remove(sessionOf('alice', 1).hash),
          () => store.sessions.removeAll('alice'),
          () => store.users.setPassword('alice', 'another'),
          () => store.devices.add(device, 1, null),
          () => store.devices.remove('dev1', 1),
          () => store.users.remove('alice', true),
        ];
        for (const act of acts) {
          hints.length = 0;
          const start = await store.changes.position();
          await act();
          const changes = await changesAfter(start);
          expect(changes).not.toEqual([]);
          const uncovered = changes.filter((change) => !hints.some((hint) => covers(hint, change)));
          expect(uncovered).toEqual([]);
        }
        stop();
      });
    });

    describe('what another opener has changed', () => {
      test('is seen at once', async () => {
        const other = await subject.openAgain();
        await other.users.add('alice', 'hash', 1, 'user');
        expect(await store.users.get('alice')).toMatchObject({ password: 'hash' });
        await store.users.remove('alice', false);
        expect(await other.users.get('alice')).toBeNull();
      });
    });

    describe('while the store cannot be used', () => {
      test('changes fail with one error, nothing of them is there later, and it goes on by itself', async () => {
        const user = await addUser();
        await store.check();
        const restore = await subject.makeUnavailable();
        try {
          const attempts = [
            () => store.users.add('bob', 'hash', 1, 'user'),
            () => store.users.setPassword('alice', 'second'),
            () => store.sessions.add(sessionOf('alice', 1), user, bounds),
            () => store.devices.add({ id: 'dev1', domain: 'acme', secrets }, 1, null),
            () => store.settings.set('url', Buffer.from('x')),
          ];
          for (const attempt of attempts) await expect(attempt()).rejects.toBeInstanceOf(StoreUnavailable);
        } finally {
          await restore();
        }
        expect(await store.users.get('bob')).toBeNull();
        expect(await userOf('alice')).toEqual(user);
        expect(await store.devices.get('dev1')).toBeNull();
        expect(await store.users.add('bob', 'hash', 1, 'user')).toBe(true);
      });
    });

    test('is closed once, and closing again changes nothing', async () => {
      const other = await subject.openAgain();
      await addUser();
      await store.close();
      await store.close();
      expect(await other.users.get('alice')).not.toBeNull();
    });
  });
}
