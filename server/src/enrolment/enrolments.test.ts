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
const from = { address: '192.0.2.1', network: '192.0.2.0/24' };
const unclaimed = { reason: 'unclaimed', domain: null, key: null } as const;
const enrolments = (limits: Partial<Limits> = {}) =>
  new Enrolments(file.database, { ...defaultLimits, ...limits });

test('enrolmentsWaiting, enrolmentForgottenMs: so many wait in all, until they do not come again', () => {
  const waiting = enrolments({ enrolmentsWaiting: 2 });
  const wait = (id: string, now: number) =>
    waiting.wait(applicant(id), unclaimed, { ...from, network: `network of ${id}` }, now) !== null;
  expect(['a', 'b', 'c'].map((id) => wait(id, 0))).toEqual([true, true, false]);
  // One that is known comes again, and the other does not.
  expect(wait('a', 1_000)).toBe(true);
  expect(wait('c', defaultLimits.enrolmentForgottenMs)).toBe(false);
  expect(wait('c', defaultLimits.enrolmentForgottenMs + 1)).toBe(true);
  expect([waiting.get(applicant('a'))?.state, waiting.get(applicant('b'))]).toEqual(['waiting', null]);
});

test('enrolmentAcceptedMs: a device that was accepted comes in time, or waits again', () => {
  const all = enrolments();
  const accepted = all.wait(applicant('a'), unclaimed, from, 0)?.enrolment.code ?? '';
  // The time begins when it is accepted.
  expect(all.accept(accepted, 'acme', 5_000)).toBe(true);
  all.acceptByKey(applicant('b'), { domain: 'acme', key: 'k' }, from, 5_000);
  const end = 5_000 + defaultLimits.enrolmentAcceptedMs;
  for (const id of ['a', 'b']) {
    expect(all.current(applicant(id), end)?.state).toBe('accepted');
    expect(all.current(applicant(id), end + 1)).toBeNull();
    expect(all.get(applicant(id))).toBeNull();
  }
  // Those that never come again are forgotten too.
  all.acceptByKey(applicant('c'), { domain: 'acme', key: 'k' }, from, 0);
  all.wait(applicant('d'), unclaimed, from, end);
  expect(all.get(applicant('c'))).toBeNull();
});
