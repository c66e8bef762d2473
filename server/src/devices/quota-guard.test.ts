import type { ConnectedDevice } from 'rm-reflector';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalPresence } from '../../../reflector-minimal/src/tunnels/local-presence.ts';
import { defaultLimits } from '../limits.ts';
import { FleetFile } from '../testing/fleet-file.ts';
import { Domains } from './domains.ts';
import { addWithinQuota, deviceQuotaProblem, QuotaGuard } from './quota-guard.ts';

let file: FleetFile;
let presence: LocalPresence<ConnectedDevice>;
let domains: Domains;
let guard: QuotaGuard;
let failures: unknown[];

beforeEach(async () => {
  file = new FleetFile();
  presence = new LocalPresence();
  domains = new Domains(file.database);
  await file.database.transact(() => domains.add('acme', 0));
  failures = [];
  const { database, clock } = file;
  guard = new QuotaGuard({
    database,
    presence,
    clock,
    limits: defaultLimits,
    failed: (error) => failures.push(error),
  });
});
afterEach(async () => {
  await guard.stop();
  await file.close();
});

/** A device of `acme`, and what closes its tunnel. */
async function added(id: string) {
  const uid = await file.add(id);
  const device = await file.store.devices.credentials(id);
  if (!device) throw new Error(id);
  const closed: [number, object][] = [];
  const connected = () =>
    ({
      id,
      uid,
      generation: presence.nextGeneration(),
      evict: () => {},
      tunnel: { close: (code: number, end: object) => closed.push([code, end]) },
    }) as unknown as ConnectedDevice;
  return { device, closed, admit: () => guard.admit({ device }), connected };
}

const full = (most: string, present: number) => ({
  status: 503,
  error: `quota: the domain acme may have ${most} on line, and has ${present}`,
  retryAfterSeconds: defaultLimits.quotaRetrySeconds,
});

test('quotaRetrySeconds: as many devices are let in as the domain may have on line, and others when one has gone', async () => {
  const [first, second, third] = [await added('a'), await added('b'), await added('c')];
  expect(await Promise.all([first.admit(), second.admit()])).toEqual([null, null]);
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 2 } }));
  expect(await third.admit()).toEqual(full('2 devices', 2));
  const tunnel = first.connected();
  presence.announce(tunnel);
  presence.announce(second.connected());
  expect(await third.admit()).toEqual(full('2 devices', 2));
  presence.withdraw(tunnel);
  expect(await third.admit()).toBeNull();
  expect(await first.admit()).toEqual(full('2 devices', 2));
});

test('quotaCountMs, quotaCounts: a node counts what the store has on line, of all nodes, anew after a while', async () => {
  const { database, clock, store } = file;
  await guard.stop();
  const limits = { ...defaultLimits, quotaCounts: 1 };
  guard = new QuotaGuard({ database, presence, clock, limits, failed: () => {}, isNode: true });
  await database.transact(() => domains.change('acme', { quotas: { connections: 1 } }));
  const [here, there] = [await added('a'), await added('b')];
  const facts = { address: '192.0.2.1', agent: '', properties: {} };
  await store.devices.noteConnected(there.device, 0, facts);
  expect(await here.admit()).toEqual(full('1 device', 1));
  const end = { cause: 'lost', reason: '' } as const;
  await store.devices.noteDisconnected(there.device, 0, end);
  clock.advance(limits.quotaCountMs - 1);
  expect(await here.admit()).toEqual(full('1 device', 1));
  clock.advance(1);
  expect(await here.admit()).toBeNull();
  // One that is on line takes its own place.
  presence.announce(here.connected());
  await store.devices.noteConnected(here.device, 0, facts);
  clock.advance(limits.quotaCountMs);
  expect([await here.admit(), await there.admit()]).toEqual([null, full('1 device', 1)]);
  // Another domain has the only place of a count: this one is counted again.
  await database.transact(() => domains.add('other', 0));
  await database.transact(() => domains.change('other', { quotas: { connections: 1 } }));
  await store.devices.noteDisconnected(here.device, 0, end);
  expect(await guard.admit({ device: { ...there.device, domain: 'other' } })).toBeNull();
  presence.withdraw([...presence.local.values()][0] as ConnectedDevice);
  expect(await there.admit()).toBeNull();
});

test('of devices that come at once as many are let in as there are places', async () => {
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 2 } }));
  const coming = [await added('a'), await added('b'), await added('c')];
  const outcomes = await Promise.all(coming.map((device) => device.admit()));
  expect(outcomes).toEqual([null, null, full('2 devices', 2)]);
});

test('a domain may have none on line', async () => {
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 0 } }));
  expect(await (await added('a')).admit()).toEqual(full('0 devices', 0));
});

test('a device that comes again takes the place that it has', async () => {
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 1 } }));
  const one = await added('a');
  expect(await one.admit()).toBeNull();
  expect(await one.admit()).toBeNull();
  presence.announce(one.connected());
  expect(await one.admit()).toBeNull();
  const again = one.connected();
  presence.announce(again);
  expect(await (await added('b')).admit()).toEqual(full('1 device', 1));
  presence.withdraw(again);
  expect(await (await added('c')).admit()).toBeNull();
});

test('arrivalMs: a device that does not come gives its place back', async () => {
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 1 } }));
  expect(await (await added('a')).admit()).toBeNull();
  const other = await added('b');
  file.clock.advance(defaultLimits.arrivalMs - 1);
  expect(await other.admit()).toEqual(full('1 device', 1));
  file.clock.advance(1);
  expect(await other.admit()).toBeNull();
});

test('a device that was made anew takes the place of the former one', async () => {
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 1 } }));
  const former = await added('a');
  await former.admit();
  presence.announce(former.connected());
  await file.store.devices.remove('a', 0);
  const present = await added('a');
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 2 } }));
  expect(await present.admit()).toBeNull();
  const tunnel = present.connected();
  presence.announce(tunnel);
  presence.withdraw(tunnel);
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 1 } }));
  expect(await (await added('b')).admit()).toBeNull();
});

test('a device counts for the domain in which it came last', async () => {
  await file.database.transact(() => domains.add('lab', 0));
  await file.database.transact(() => domains.change('acme', { quotas: { connections: 1 } }));
  const one = await added('a');
  await one.admit();
  expect(await guard.admit({ device: { ...one.device, domain: 'lab' } })).toBeNull();
  expect(await (await added('b')).admit()).toBeNull();
});

test('quotaCheckMs: who has used them up comes no more until the next month', async () => {
  const spent = 'quota: the domain acme has used its 100 bytes of this month, until 2026-02-01';
  const one = await added('a');
  await file.database.transact(() => domains.change('acme', { quotas: { bytesPerMonth: 100 } }));
  await file.database.run('UPDATE fleet_calendar SET day = ?', '2026-01-01');
  expect(await one.admit()).toBeNull();
  presence.announce(one.connected());
  await file.store.devices.addTraffic(one.device, 60, 39);
  await guard.endSpent();
  expect([await one.admit(), one.closed]).toEqual([null, []]);
  await file.store.devices.addTraffic(one.device, 1, 0);
  guard.start();
  expect(await one.admit()).toEqual({ status: 403, error: spent });
  expect(one.closed).toEqual([]);
  file.clock.advance(defaultLimits.quotaCheckMs);
  await guard.stop();
  expect(one.closed).toEqual([[1008, { cause: 'refused', reason: spent }]]);
  file.clock.wallOffset = Date.UTC(2026, 1, 1);
  expect(await one.admit()).toBeNull();
  guard.start();
  file.clock.advance(defaultLimits.quotaCheckMs);
  await guard.stop();
  expect([one.closed.length, failures]).toEqual([1, []]);
});

test('devices: as many are added as the domain may have', async () => {
  const problem = (domain: string, more = 1) =>
    file.database.transact(() => deviceQuotaProblem(domain, more));
  expect(await problem('acme')).toBeNull();
  await file.database.transact(() => domains.change('acme', { quotas: { devices: 2 } }));
  await added('a');
  expect(await problem('acme')).toBeNull();
  expect(await problem('acme', 2)).toMatchObject({
    status: 409,
    details: { detail: 'quota: the domain acme may have 2 devices, and has 1' },
  });
  await added('b');
  expect((await problem('acme'))?.status).toBe(409);
  expect(await problem('elsewhere')).toBeNull();
});

test('devices: those that are added at once are not more than the domain may have', async () => {
  await file.database.transact(() => domains.change('acme', { quotas: { devices: 3 } }));
  await added('a');
  const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
  const add = (id: string) => addWithinQuota(file, { id, domain: 'acme', secrets }, 0, null);
  const outcomes = await Promise.allSettled(['b', 'c', 'd', 'e'].map(add));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
  const detail = 'quota: the domain acme may have 3 devices, and has 3';
  await expect(add('f')).rejects.toMatchObject({ status: 409, details: { detail } });
  await file.database.transact(() => domains.change('acme', { quotas: { devices: null } }));
  await expect(add('a')).rejects.toMatchObject({ details: { detail: 'device a: this ID is taken' } });
  await add('f');
});
