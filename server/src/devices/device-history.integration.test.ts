import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { connectionsRemembered } from '../store/schema/devices.ts';
import { FleetFile } from '../testing/fleet-file.ts';
import { Calendar } from './calendar.ts';
import { DeviceHistory } from './device-history.ts';
import { Domains } from './domains.ts';
import { FleetDevices } from './fleet-devices.ts';

let file: FleetFile;
let devices: FleetDevices;
let history: DeviceHistory;
let key: { id: string; uid: string };
let number: number;

beforeEach(async () => {
  file = new FleetFile();
  devices = new FleetDevices(file.database);
  history = new DeviceHistory(file.database);
  key = { id: 'dev1', uid: await file.add('dev1') };
  number = (await devices.get('dev1'))?.number ?? 0;
});
afterEach(() => file.close());

const facts = (more: object = {}) => ({ address: '192.0.2.1', agent: 'rm-agent/1', properties: {}, ...more });

describe('what the store notes of a device', () => {
  test('is in its record, and can be found', async () => {
    const properties = { name: 'Pump', version: '2.1', targetPorts: '80, 22', sshPort: '22', mode: 'a"b\\c' };
    await file.store.devices.noteConnected(key, 5, facts({ properties }));
    expect(await devices.get('dev1')).toMatchObject({
      name: 'Pump',
      online: true,
      lastSeen: null,
      lastConnect: 5,
      version: '2.1',
      ports: [80, 22],
      httpPort: 80,
      sshPort: 22,
      connects: 1,
      systemProperties: properties,
    });
    const found = async (text: string) =>
      (await devices.list({ sight: 'all', text }, { sort: 'id', descending: false }, null, 5)).length;
    expect(await found('mode=a"b\\c')).toBe(1);
    await file.store.devices.setProperties(key, { name: 'Valve' });
    expect([await found('pump'), await found('valve')]).toEqual([0, 1]);
    await file.store.devices.noteDisconnected(key, 9, { cause: 'lost', reason: '' });
    expect(await devices.get('dev1')).toMatchObject({ online: false, lastSeen: 9, name: 'Valve' });
    await file.database.transact(() => devices.change(key, { name: 'Mine', properties: { a: 'b' } }));
    expect([await found('valve mine a=b'), (await devices.get('dev1'))?.name]).toEqual([1, 'Mine']);
    await file.database.transact(() => devices.change(key, { name: null }));
    expect((await devices.get('dev1'))?.name).toBe('Valve');
    await file.store.devices.remove('dev1', 10);
    expect([await found('valve'), await devices.get('dev1')]).toEqual([0, null]);
    const rest = file.database.prepare("SELECT count(*) AS n FROM fleet_trigrams('val')").get();
    expect(rest).toEqual({ n: 0 });
  });

  test('is there once a device is claimed', async () => {
    const waiting = { id: 'new', domain: 'lab', password: 'hash' };
    await file.store.devices.addUnclaimed(waiting, { address: '', network: '' }, 3, { all: 9, ofNetwork: 9 });
    const exists = () => file.database.transact(() => new Domains(file.database).exists('lab'));
    expect([await devices.get('new'), await exists()]).toEqual([null, false]);
    await file.store.devices.claim('new', 'lab');
    expect(await devices.get('new')).toMatchObject({ domain: 'lab', created: 3 });
  });

  test('a domain that a command has named is there', async () => {
    await file.add('dev2', 'by-command', 77);
    expect(await new Domains(file.database).get('by-command', '2026-01')).toMatchObject({
      created: 77,
      usage: { devices: 1, connections: 0 },
    });
  });
});

describe('connections', () => {
  test('have their times, addresses and payload', async () => {
    const { devices: store } = file.store;
    await store.addTraffic(key, 1_000, 1_000);
    await store.noteConnected(key, 10, facts());
    await store.addTraffic(key, 5, 6);
    await store.noteDisconnected(key, 20, { cause: 'disconnected', reason: 'for a test', by: 'alice' });
    await store.noteConnected(key, 30, facts({ address: '192.0.2.2' }));
    await store.addTraffic(key, 1, 2);
    const end = { cause: 'disconnected', reason: 'for a test', by: 'alice' };
    const first = { began: 10, ended: 20, live: false, end, address: '192.0.2.1', bytesFrom: 5, bytesTo: 6 };
    const second = {
      began: 30,
      ended: null,
      live: true,
      end: null,
      address: '192.0.2.2',
      bytesFrom: 1,
      bytesTo: 2,
    };
    expect(await history.connections({ number, since: 0 }, null, 10)).toMatchObject([second, first]);
    await store.noteConnected(key, 40, facts());
    const replaced = { ...second, ended: 40, live: false, end: { cause: 'replaced' } };
    expect(await history.connections({ number, since: 0 }, null, 2)).toMatchObject([
      { began: 40, live: true },
      replaced,
    ]);
    await store.noteAllOffline();
    const [lost] = await history.connections({ number, since: 0 }, null, 1);
    expect(lost).toMatchObject({ began: 40, ended: null, live: false, end: null });
    expect(await history.connections({ number, since: 0 }, lost?.sequence ?? 0, 1)).toMatchObject([replaced]);
  });

  test('of a device are bounded', async () => {
    for (let n = 0; n < connectionsRemembered + 5; n++)
      await file.store.devices.noteConnected(key, n, facts());
    const rows = await history.connections({ number, since: 0 }, null, 1_000);
    expect([rows.length, rows.at(-1)?.began]).toEqual([connectionsRemembered, 5]);
  });
});

describe('traffic', () => {
  test('is counted by day for the device and by month for the domain', async () => {
    const failures: unknown[] = [];
    const calendar = new Calendar(file.database, file.clock, defaultLimits, (error) => failures.push(error));
    calendar.start();
    const { devices: store } = file.store;
    await store.addTraffic(key, 1, 2);
    await store.addTraffic(key, 10, 20);
    file.clock.advance(31 * 86_400_000);
    await store.addTraffic(key, 100, 200);
    await calendar.stop();
    expect(file.clock.pending).toBe(0);
    expect(await history.ofDevice(number, '2026-01-01', '2026-12-31')).toEqual([
      { period: '2026-01-01', bytesFrom: 11, bytesTo: 22 },
      { period: '2026-02-01', bytesFrom: 100, bytesTo: 200 },
    ]);
    expect(await history.ofDevice(number, '2026-01-02', '2026-01-31')).toEqual([]);
    const domains = new Domains(file.database);
    const acme = await domains.get('acme', '2026-02');
    expect(acme?.usage.bytesThisMonth).toBe(300);
    expect(await domains.traffic(acme?.number ?? 0)).toEqual([
      { period: '2026-02', bytesFrom: 100, bytesTo: 200 },
      { period: '2026-01', bytesFrom: 11, bytesTo: 22 },
    ]);
    expect(failures).toEqual([]);
  });

  test('trafficDays: older days go', async () => {
    const calendar = new Calendar(file.database, file.clock, defaultLimits, () => {});
    calendar.start();
    await file.store.devices.addTraffic(key, 1, 2);
    const days = defaultLimits.trafficDays;
    file.clock.advance(days * 86_400_000);
    expect(await history.ofDevice(number, '2000-01-01', '2100-01-01')).toHaveLength(1);
    file.clock.advance(86_400_000);
    expect(await history.ofDevice(number, '2000-01-01', '2100-01-01')).toEqual([]);
    await calendar.stop();
  });
});

test('the log of a device begins with its record', async () => {
  const entry = (time: number, device: string, event: string) => ({
    time,
    event,
    user: null,
    device,
    record: JSON.stringify({ event, allowed: true }),
  });
  const now = file.clock.date();
  await file.store.audit.append([
    entry(now - 1, 'dev1', 'of the former one'),
    entry(now, 'dev1', 'first'),
    entry(now, 'dev2', 'of another'),
    entry(now + 1, 'dev1', 'second'),
  ]);
  const [second, first] = await history.log({ id: 'dev1', since: now }, null, 10);
  expect([second, first]).toMatchObject([
    { event: 'second', record: { allowed: true } },
    { event: 'first', time: now },
  ]);
  expect(await history.log({ id: 'dev1', since: now }, second?.sequence ?? 0, 10)).toEqual([first]);
});
