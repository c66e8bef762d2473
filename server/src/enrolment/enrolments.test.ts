import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../limits.ts';
import { FleetFile } from '../testing/fleet-file.ts';
import { Enrolments } from './enrolments.ts';

let file: FleetFile;
beforeEach(() => {
  file = new FleetFile();
});
afterEach(() => file.close());

const applicant = (id: string) => ({ id, secret: Buffer.from(id), hardware: 'board' });
const unclaimed = { reason: 'unclaimed', domain: null, key: null } as const;

/** Devices that ask with these bounds. */
function devices(limits: Partial<Limits> = {}) {
  const enrolments = new Enrolments(file.database, { ...defaultLimits, ...limits });
  const { database } = file;
  const from = (network: string) => ({ address: '192.0.2.1', network });
  const by = { domain: 'acme', key: 'k' };
  return {
    wait: (id: string, now: number, network = '192.0.2.0/24') =>
      database.transact(() => enrolments.wait(applicant(id), unclaimed, from(network), now)),
    accept: (code: string, now: number) => database.transact(() => enrolments.accept(code, 'acme', now)),
    acceptByKey: (id: string, now: number) =>
      database.transact(() => enrolments.acceptByKey(applicant(id), by, from('192.0.2.0/24'), now)),
    current: (id: string, now: number) => enrolments.current(applicant(id), now),
    get: (id: string) => enrolments.get(applicant(id)),
  };
}

test('enrolmentsWaiting, enrolmentForgottenMs: so many wait in all, until they do not come again', async () => {
  const all = devices({ enrolmentsWaiting: 2 });
  const wait = async (id: string, now: number) => (await all.wait(id, now, `network of ${id}`)) !== null;
  expect([await wait('a', 0), await wait('b', 0), await wait('c', 0)]).toEqual([true, true, false]);
  // One that is known comes again, and the other does not.
  expect(await wait('a', 1_000)).toBe(true);
  expect(await wait('c', defaultLimits.enrolmentForgottenMs)).toBe(false);
  expect(await wait('c', defaultLimits.enrolmentForgottenMs + 1)).toBe(true);
  expect([(await all.get('a'))?.state, await all.get('b')]).toEqual(['waiting', null]);
});

test('enrolmentAcceptedMs: a device that was accepted comes in time, or waits again', async () => {
  const all = devices();
  const accepted = (await all.wait('a', 0))?.enrolment.code ?? '';
  // The time begins when it is accepted.
  expect(await all.accept(accepted, 5_000)).toBe(true);
  await all.acceptByKey('b', 5_000);
  const end = 5_000 + defaultLimits.enrolmentAcceptedMs;
  for (const id of ['a', 'b']) {
    expect((await all.current(id, end))?.state).toBe('accepted');
    expect(await all.current(id, end + 1)).toBeNull();
    expect(await all.get(id)).toBeNull();
  }
  // Those that never come again are forgotten too.
  await all.acceptByKey('c', 0);
  await all.wait('d', end);
  expect(await all.get('c')).toBeNull();
});
