import { expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import type { UserRecord } from '../ports/store.ts';
import { TotpEnrolment } from './totp-enrolment.ts';

const secret = Buffer.from('12345678901234567890');
const alice = { uid: 'uid1', name: 'alice', password: 'hash', totpSecret: null } as UserRecord;

test('a ticket gives its secret back to the same user, for a time', () => {
  const clock = new ManualClock();
  const enrolment = new TotpEnrolment(clock, Buffer.alloc(32, 1), 60_000);
  const ticket = enrolment.ticket(alice, secret);
  expect(ticket).not.toContain(secret.toString('base64url'));
  clock.advance(59_999);
  expect(enrolment.secretOf(ticket, alice)).toEqual(secret);
  clock.advance(1);
  expect(enrolment.secretOf(ticket, alice)).toBeNull();
});

test('it is none of another user, password, secret or installation, and no other text', () => {
  const clock = new ManualClock();
  const enrolment = new TotpEnrolment(clock, Buffer.alloc(32, 1), 60_000);
  const ticket = enrolment.ticket(alice, secret);
  const [body, mac] = ticket.split('.');
  for (const changed of [{ uid: 'uid2' }, { password: 'hash 2' }, { totpSecret: Buffer.alloc(20) }]) {
    expect(enrolment.secretOf(ticket, { ...alice, ...changed })).toBeNull();
  }
  expect(new TotpEnrolment(clock, Buffer.alloc(32, 2), 60_000).secretOf(ticket, alice)).toBeNull();
  const withOtherSecret = enrolment.ticket(alice, Buffer.alloc(20)).split('.')[0];
  for (const text of [
    ...['', '.', 'x', `${body}.`, `.${mac}`, `${withOtherSecret}.${mac}`],
    ...[` ${ticket}`, `${ticket}x`, `${ticket}.x`, `${'A'.repeat(401)}.${mac}`],
  ]) {
    expect([text, enrolment.secretOf(text, alice)]).toEqual([text, null]);
  }
});
