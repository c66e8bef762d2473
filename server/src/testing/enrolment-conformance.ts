import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EnrolmentKeys, type NewKey } from '../enrolment/enrolment-keys.ts';
import { type Cause, Enrolments } from '../enrolment/enrolments.ts';
import { defaultLimits } from '../limits.ts';
import type { TablesSubject } from './tables-conformance.ts';

const limits = { ...defaultLimits, enrolmentsWaiting: 5, enrolmentsWaitingPerNetwork: 3 };
const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
const applicant = (id: string, hardware = 'board') => ({ id, secret: Buffer.from(id), hardware });
const network = (n: number) => ({ address: `192.0.2.${n}`, network: `192.0.2.${n}/32` });
const unclaimed: Cause = { reason: 'unclaimed', domain: null, key: null };

/** What every engine keeps of enrolment. `open`: one for each test. */
export function enrolmentConformance(name: string, open: () => Promise<TablesSubject>): void {
  describe(`enrolment: ${name}`, () => {
    let subject: TablesSubject;
    let keys: EnrolmentKeys;
    let enrolments: Enrolments;
    beforeEach(async () => {
      subject = await open();
      keys = new EnrolmentKeys(subject.tables);
      enrolments = new Enrolments(subject.tables, limits);
    });
    afterEach(() => subject.end());

    const newKey = (more: Partial<NewKey> = {}): NewKey => ({
      ...{ name: 'line Ä', domain: 'acme', prefix: 'pump-', approval: false, uses: 3, expires: null },
      ...{ created: 1, createdBy: 'alice', createdByUid: 'of alice' },
      ...more,
    });
    const create = (more?: Partial<NewKey>) => subject.tables.transact(() => keys.create(newKey(more)));
    const use = (id: string, now = 5) => subject.tables.transact(() => keys.use(id, now));
    const wait = (id: string, from = network(1), why = unclaimed, now = 0) =>
      subject.tables.transact(() => enrolments.wait(applicant(id), why, from, now));
    const codeOf = async (id: string) => (await enrolments.get(applicant(id)))?.code ?? '';

    describe('keys', () => {
      test('are found by their text, listed by their domain and age, and gone when they are revoked', async () => {
        const { text, key } = await create();
        const other = await create({ domain: 'other', approval: true, uses: null, created: 2 });
        expect(key).toEqual({ ...newKey(), id: expect.any(String), used: 0, lastUsed: null });
        expect([await keys.find(text), await keys.find('rme_another')]).toEqual([key, null]);
        expect(await subject.tables.transact(() => keys.get(other.key.id))).toEqual(other.key);
        const listed = async (...asked: Parameters<EnrolmentKeys['list']>) =>
          (await keys.list(...asked)).map(({ id }) => id);
        expect(await listed(null, null, 9)).toEqual([other.key.id, key.id]);
        expect(await listed(null, { created: 2, id: other.key.id }, 9)).toEqual([key.id]);
        expect([await listed(null, null, 1), await listed(['acme'], null, 9)]).toEqual([
          [other.key.id],
          [key.id],
        ]);
        expect(await listed([], null, 9)).toEqual([]);
        const count = (domain: string) => subject.tables.transact(() => keys.count(domain));
        expect([await count('acme'), await count('nowhere')]).toEqual([1, 0]);
        await subject.tables.transact(() => keys.revoke(key.id));
        expect([await keys.find(text), await use(key.id)]).toEqual([null, false]);
      });

      test('are good for so many devices, whoever comes at once, and until they expire', async () => {
        const { text, key } = await create({ expires: 9 });
        const used = await Promise.all(Array.from({ length: 6 }, () => use(key.id)));
        expect(used.filter((isGood) => isGood)).toHaveLength(3);
        expect(await keys.find(text)).toMatchObject({ used: 3, lastUsed: 5 });
        const lasting = await create({ uses: null, expires: 9 });
        expect([await use(lasting.key.id, 8), await use(lasting.key.id, 9)]).toEqual([true, false]);
      });
    });

    describe('devices that wait', () => {
      test('are as many as may be, in all and of one network, whoever comes at once', async () => {
        const wanted = Array.from({ length: 5 }, (_, n) => wait(`a${n}`));
        expect((await Promise.all(wanted)).filter((waits) => waits === null)).toHaveLength(2);
        const elsewhere = await Promise.all([2, 3, 4].map((n) => wait(`b${n}`, network(n))));
        expect(elsewhere.filter((waits) => waits === null)).toHaveLength(1);
        // Who does not come again gives its place to another one.
        const later = limits.enrolmentForgottenMs + 1;
        expect(await wait('late', network(1), unclaimed, later)).toMatchObject({ isNew: true });
        expect(await enrolments.list(null, null, 9)).toHaveLength(1);
      });

      test('are one, however often they ask, and are new when the reason is another one', async () => {
        expect(await wait('pump')).toMatchObject({ isNew: true });
        const code = await codeOf('pump');
        expect(await wait('pump', network(2), unclaimed, 7)).toMatchObject({
          ...{ isNew: false, enrolment: { code, seen: 7, created: 0 } },
        });
        const taken: Cause = { reason: 'taken', domain: 'acme', key: 'of a key' };
        expect(await wait('pump', network(2), taken, 8)).toMatchObject({ isNew: true });
        expect(await enrolments.get(applicant('pump'))).toEqual({
          ...{ id: 'pump', state: 'waiting', ...taken, code, uid: null, credential: null, hardware: 'board' },
          ...{ address: '192.0.2.2', created: 0, seen: 8 },
        });
        expect(await enrolments.get(applicant('pump', 'another'))).toBeNull();
      });

      test('are listed by age and within the domains of who looks', async () => {
        const of = (domain: string | null): Cause => ({ ...unclaimed, domain });
        await wait('a', network(1), of('acme'), 1);
        await wait('b', network(2), of('other'), 2);
        await wait('c', network(3), of(null), 3);
        const ids = async (...asked: Parameters<Enrolments['list']>) =>
          (await enrolments.list(...asked)).map(({ id }) => id);
        expect([await ids(null, null, 9), await ids(null, null, 2)]).toEqual([
          ['a', 'b', 'c'],
          ['a', 'b'],
        ]);
        expect(await ids(null, { created: 1, code: await codeOf('a') }, 9)).toEqual(['b', 'c']);
        expect([await ids(['other', 'west'], null, 9), await ids([], null, 9)]).toEqual([['b'], []]);
      });

      test('are accepted or refused once, by their code', async () => {
        await wait('a');
        await wait('b');
        const { tables } = subject;
        const [code, refused] = [await codeOf('a'), await codeOf('b')];
        expect(await tables.transact(() => enrolments.waiting(code))).toMatchObject({ id: 'a' });
        const accept = () => tables.transact(() => enrolments.accept(code, 'acme', 4));
        expect((await Promise.all([accept(), accept()])).sort()).toEqual([false, true]);
        expect(await enrolments.get(applicant('a'))).toMatchObject({
          ...{ state: 'accepted', domain: 'acme', code: null, seen: 4 },
        });
        const refuse = (which: string) => tables.transact(() => enrolments.refuse(which));
        expect([await refuse(code), await refuse(refused), await refuse(refused)]).toEqual([
          ...[false, true, false],
        ]);
        expect(await tables.transact(() => enrolments.waiting(refused))).toBeNull();
        const end = 4 + limits.enrolmentAcceptedMs;
        expect(await enrolments.current(applicant('a'), end)).toMatchObject({ state: 'accepted' });
        expect(await enrolments.current(applicant('a'), end + 1)).toBeNull();
        expect(await enrolments.get(applicant('a'))).toBeNull();
      });
    });

    test('a device that is enrolled is the only one of its ID, until it is removed or that is forgotten', async () => {
      const { store, tables } = subject;
      const by = { domain: 'acme', key: 'of a key' };
      await tables.transact(() => enrolments.acceptByKey(applicant('pump'), by, network(1), 3));
      expect(await enrolments.get(applicant('pump'))).toMatchObject({
        state: 'accepted',
        reason: 'key',
        ...by,
      });
      await tables.transact(() => enrolments.wait(applicant('pump', 'copy'), unclaimed, network(2), 4));
      await store.devices.add({ id: 'pump', domain: 'acme', secrets }, 0, null);
      const uid = (await store.devices.identity('pump'))?.uid ?? '';
      const enrol = () => tables.transact(() => enrolments.enrolled(applicant('pump'), uid, 'hash'));
      await enrol();
      expect(await enrolments.get(applicant('pump'))).toMatchObject({
        ...{ state: 'enrolled', uid, credential: 'hash' },
      });
      expect(await enrolments.get(applicant('pump', 'copy'))).toBeNull();
      expect(await enrolments.otherWith(applicant('pump'))).toBeNull();
      expect(await enrolments.otherWith(applicant('pump', 'copy'))).toEqual({ id: 'pump', domain: 'acme' });
      expect([await enrolments.isKnown(uid), await enrolments.isKnown('another')]).toEqual([true, false]);
      await enrolments.forget(uid);
      expect([await enrolments.isKnown(uid), await enrolments.get(applicant('pump'))]).toEqual([false, null]);
      await tables.transact(() => enrolments.acceptByKey(applicant('pump'), by, network(1), 3));
      await enrol();
      await store.devices.remove('pump', 0);
      expect(await enrolments.get(applicant('pump'))).toBeNull();
    });

    test('what a domain has goes with it', async () => {
      const { tables } = subject;
      await tables.run('INSERT INTO fleet_domains (id, created) VALUES (?, 0)', 'acme');
      const { text } = await create();
      const other = await create({ domain: 'other' });
      await wait('a', network(1), { ...unclaimed, domain: 'acme' });
      await wait('b');
      await tables.run('DELETE FROM fleet_domains WHERE id = ?', 'acme');
      expect([await keys.find(text), await keys.find(other.text)]).toEqual([null, other.key]);
      expect((await enrolments.list(null, null, 9)).map(({ id }) => id)).toEqual(['b']);
    });
  });
}
