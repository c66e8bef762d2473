import { expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../limits.ts';
import { DeviceAdmission, type SlowArrival } from './device-admission.ts';

const many = { slowArrivalsAtOnce: 1_000, arrivalsAtOnce: 1_000 };

/** How many of `count` wrong passwords are verified, one after the other. */
function guess(admission: DeviceAdmission, count: number, from: (n: number) => SlowArrival, now = 0): number {
  let verified = 0;
  for (let n = 0; n < count; n++) {
    const place = admission.admitSlow(from(n), now);
    if (typeof place === 'number') continue;
    place.end('failed', now);
    verified++;
  }
  return verified;
}

const open = (limits: Partial<Limits> = {}) =>
  new DeviceAdmission({ ...defaultLimits, ...many, ...limits }, 0);
const stranger = (address: string) => () => ({ address, device: null });

test('by default those who need scrypt are no more than what can be verified in time', () => {
  const { slowArrivalsAtOnce, slowArrivalsPerSecond, verificationsWaiting } = defaultLimits;
  expect(slowArrivalsAtOnce + slowArrivalsPerSecond).toBeLessThan(verificationsWaiting);
});

test('who needs scrypt delays nobody else, and takes one of the places of all', () => {
  const admission = open({ slowArrivalsAtOnce: 2, arrivalsAtOnce: 5 });
  const slow = Array.from({ length: 50 }, (_, n) =>
    admission.admitSlow({ address: `192.0.2.${n}`, device: null }, 0),
  );
  expect(slow.filter((place) => typeof place === 'object')).toHaveLength(2);
  const others = Array.from({ length: 5 }, (_, n) =>
    admission.admit({ address: '198.51.100.1', device: `dev${n}` }, 0),
  );
  expect(others).toEqual([null, null, null, 1, 1]);
});

test('slowFailuresPerNetwork, slowFailuresMs: one network guesses so often, and nobody else waits for it', () => {
  const admission = open({ slowFailuresPerNetwork: 4, slowFailuresMs: 8_000 });
  expect(guess(admission, 100, (n) => ({ address: `192.0.2.${n}`, device: null }))).toBe(4);
  expect(admission.admitSlow({ address: '192.0.2.200', device: null }, 0)).toBe(2);
  expect(guess(admission, 100, stranger('192.0.3.1'))).toBe(4);
  expect(guess(admission, 100, stranger('192.0.2.1'), 2_000)).toBe(1);
  expect(guess(admission, 100, stranger('192.0.2.1'), 1_000_000)).toBe(4);
});

test('slowFailuresPerSite: networks of one IPv6 /48 are not as many as they look', () => {
  const admission = open({ slowFailuresPerNetwork: 4, slowFailuresPerSite: 10 });
  expect(guess(admission, 100, (n) => ({ address: `2001:db8:1:${n}::1`, device: null }))).toBe(10);
  expect(guess(admission, 100, stranger('2001:db8:2:1::1'))).toBe(4);
});

test('slowFailuresPerSite: an IPv4 network is of no site', () => {
  const admission = open({ slowFailuresPerNetwork: 4, slowFailuresPerSite: 1 });
  expect(guess(admission, 100, stranger('192.0.2.1'))).toBe(4);
  expect(guess(admission, 100, stranger('192.0.3.1'))).toBe(4);
});

test('an attempt counts as an arrival of the device that it lets in, and of none otherwise', () => {
  const admission = open();
  const end = (outcome: 'letIn' | 'failed' | 'neither', device?: string) => {
    const place = admission.admitSlow({ address: '192.0.2.1', device: null }, 0);
    if (typeof place === 'number') throw new Error('kept waiting');
    place.end(outcome, 0, device);
    return admission.arrivalsRemembered;
  };
  expect([end('failed', 'dev1'), end('neither', 'dev1'), end('letIn'), end('letIn', 'dev1')]).toEqual([
    0, 0, 0, 1,
  ]);
});

test('slowFailuresPerDevice: a device where it came last is not kept waiting by its network', () => {
  const admission = open({ slowFailuresPerDevice: 2, slowFailuresPerNetwork: 4 });
  guess(admission, 100, stranger('192.0.2.1'));
  const device = { address: '192.0.2.7', device: 'dev1' };
  expect(guess(admission, 100, () => device)).toBe(2);
  expect(typeof admission.admitSlow({ ...device, device: 'dev2' }, 0)).toBe('object');
});

test('slowFailuresPerDevice: who has used it up has that of the network', () => {
  const admission = open({ slowFailuresPerDevice: 2, slowFailuresPerNetwork: 4 });
  expect(guess(admission, 100, () => ({ address: '192.0.2.7', device: 'dev1' }))).toBe(6);
});

test('slowFailuresRemembered: networks fill no memory', () => {
  const admission = open({ slowFailuresRemembered: 5 });
  guess(admission, 500, (n) => ({ address: `10.0.${n >> 1}.1`, device: null }));
  expect(admission.remembered).toBe(5);
});

test('devices that are let in cost their network nothing, and no memory', () => {
  const admission = open();
  for (let n = 0; n < 1_000; n++) {
    const place = admission.admitSlow({ address: '192.0.2.1', device: `dev${n}` }, 0);
    if (typeof place === 'number') throw new Error('kept waiting');
    place.end('letIn', 0, `dev${n}`);
  }
  expect(admission.remembered).toBe(0);
});

/** So many that devices have to wait. */
function crowd(admission: DeviceAdmission): void {
  for (let n = 0; n < 300; n++) admission.admit({ address: `10.0.${n}.1`, device: `crowd${n}` }, 0);
}

test('while few come, a device may come as often as it likes', () => {
  const admission = new DeviceAdmission({ ...defaultLimits, arrivalsPerDevice: 1, arrivalsReturning: 1 }, 0);
  const from = { address: '192.0.2.1', device: 'dev1' };
  for (let n = 0; n < 1_000; n++) {
    expect(admission.admit(from, n * 100)).toBeNull();
    const place = admission.admitSlow(from, n * 100);
    if (typeof place === 'number') throw new Error('kept waiting');
    place.end('letIn', n * 100, 'dev1');
  }
});

test('arrivalsPerDevice, arrivalsPerDeviceMs: a device that comes again and again is asked to wait, others are not', () => {
  const admission = open({ arrivalsPerDevice: 3, arrivalsPerDeviceMs: 30_000 });
  crowd(admission);
  const come = (device: string, now = 0) => admission.admit({ address: '192.0.2.1', device }, now);
  expect(Array.from({ length: 5 }, () => come('dev1'))).toEqual([null, null, null, 10, 10]);
  expect(come('dev2')).toBeNull();
  crowd(admission);
  crowd(admission);
  expect([come('dev1', 1), come('dev4', 1)]).toEqual([10, null]);
  // Whoever needs scrypt as well: as soon as it has shown who it is.
  const slow = { address: '192.0.2.1', device: 'dev3' };
  for (let n = 0; n < 3; n++) {
    const place = admission.admitSlow(slow, 1);
    if (typeof place === 'number') throw new Error('kept waiting');
    place.end('letIn', 1, 'dev3');
  }
  expect(admission.admitSlow(slow, 1)).toBe(10);
});

test('arrivalsReturning: many devices of one network that come again and again are asked to wait', () => {
  const admission = open({ arrivalsReturning: 10, arrivalsPerDevice: 3, arrivalsPerDeviceMs: 30_000 });
  crowd(admission);
  const come = (device: number, address = '192.0.2.1') =>
    admission.admit({ address, device: `dev${device}` }, 0);
  const round = () => Array.from({ length: 100 }, (_, n) => come(n)).filter((asked) => asked === null).length;
  expect([round(), round(), round()]).toEqual([100, 10, 0]);
  expect(come(100)).toBeNull();
  expect(come(5, '198.51.100.1')).toBeNull();
});

test('arrivalsRemembered: devices fill no memory', () => {
  const admission = open({ arrivalsRemembered: 5 });
  for (let n = 0; n < 500; n++) admission.admit({ address: '192.0.2.1', device: `dev${n}` }, 0);
  expect(admission.arrivalsRemembered).toBe(5);
});
