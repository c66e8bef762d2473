import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { DeviceKey } from 'rm-reflector/ports';
import { presenceConformance } from 'rm-reflector/ports/conformance';
import { systemClock } from 'rm-reflector/program';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { PostgresqlServer } from '../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from '../store/postgresql/postgresql-store.ts';
import { PostgresqlTables } from '../store/postgresql-tables/postgresql-tables.ts';
import { ClusterPresence } from './cluster-presence.ts';
import { Lease } from './lease.ts';
import { nodeLimits } from './limits.ts';
import { LoneServer } from './lone-server.ts';
import { NotHeld, type PresenceChange } from './membership-table.ts';
import { PostgresqlMembership } from './postgresql-membership.ts';

const patient = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000, batchMs: 1 };
/** Longer than any test, even on a busy machine. */
const limits = {
  ...nodeLimits,
  leaseMs: 600_000,
  retryMs: 1,
  hintRetryMs: 100,
  batchMs: 1,
  batchRows: 3,
  readRows: 4,
  eventBytes: 200,
};

let server: PostgresqlServer;
let tables: PostgresqlTables;
let store: PostgresqlStore;
let epoch = 0;
beforeAll(async () => {
  server = await PostgresqlServer.start(5432);
  const address = { url: server.url(), limits: patient };
  store = await PostgresqlStore.open({ ...address, epoch: () => epoch });
  tables = await PostgresqlTables.open(address);
});
afterAll(async () => {
  await tables.close();
  await store.close();
  await server.end();
});

let table: PostgresqlMembership;
const opened: PostgresqlMembership[] = [];
function connect(port = 5432) {
  const membership = new PostgresqlMembership({
    url: server.url(port),
    database: patient,
    limits,
    clock: systemClock,
  });
  opened.push(membership);
  return membership;
}
beforeEach(async () => {
  // Their removal is noted among the events.
  await server.sql('DELETE FROM rm_reflector.devices');
  const names = ['nodes', 'places', 'presence', 'presence_state', 'events'].map(
    (name) => `rm_server.fleet_${name}`,
  );
  await server.sql(`TRUNCATE ${names.join(', ')}`);
  await server.sql('UPDATE rm_server.fleet_last_event SET last = 0');
  table = connect();
});
afterEach(async () => {
  for (const membership of opened.splice(0)) await membership.close();
});

const identity = (name: string) => ({ name, instance: randomUUID(), address: `${name}:7000` });
const here = ({ id, uid }: DeviceKey, generation: number, again = false): PresenceChange => ({
  ...{ id, uid, generation, again, gone: false },
  address: '192.0.2.7',
  visitorKey: 'secret',
  properties: { name: 'pump' },
});
const gone = ({ id, uid }: DeviceKey, generation: number): PresenceChange => ({
  ...{ id, uid, generation, gone: true },
  properties: { name: 'pump' },
  end: { cause: 'closed', reason: 'the device closed it' },
  untold: false,
});
const secrets = { password: 'hash', digestSha256: null, digestMd5: null };
async function add(id: string): Promise<DeviceKey> {
  await store.devices.add({ id, domain: 'acme', secrets }, 1, null);
  const { uid } = (await store.devices.get(id)) ?? { uid: '' };
  return { id, uid };
}
const facts = { address: '192.0.2.7', agent: 'agent', properties: { name: 'pump' } };
/** The device is on line at a node. */
async function connected(device: DeviceKey, at: number, generation: number): Promise<void> {
  epoch = at;
  await store.devices.noteConnected(device, 5, { ...facts, generation });
}
const events = async () =>
  (
    await tables.all<{ kind: string; device: string; domain: string; data: string; sequence: number }>(
      "SELECT sequence, kind, device, domain, data FROM fleet_events WHERE kind IN ('device.online', 'device.offline') ORDER BY sequence",
    )
  ).map(({ kind, device, domain, data }) => [kind, device, domain, JSON.parse(data)]);
const isOnline = async ({ id }: DeviceKey) => (await store.devices.get(id))?.online;
const endLease = (node: number) =>
  server.sql(
    `UPDATE rm_server.fleet_nodes SET lease_until = clock_timestamp() - interval '1 s' WHERE epoch = ${node}`,
  );

describe('on PostgreSQL', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  presenceConformance(async () => {
    const common = { clock: systemClock, limits, log: pino({ level: 'silent' }), table };
    const lease = new Lease({ ...common, name: 'one', address: '', lapsed: () => {}, superseded: () => {} });
    await lease.join();
    const dialer = { open: () => null as never, forget: () => {} };
    const presence = new ClusterPresence({ ...common, lease, outageMs: 60_000, dialer });
    await presence.start();
    ends.push(
      () => presence.stop(),
      () => lease.stop({ leave: true }),
    );
    return presence;
  });
});

test('a process that joins takes the name of another, which learns of it; the same one joins once', async () => {
  const [former, present] = [identity('one'), identity('one')];
  const first = await table.join(former);
  expect(await table.join(former)).toBe(first);
  expect(await table.renew(former, first)).toEqual({ state: 'held', draining: false, lapsed: false });
  const second = await table.join(present);
  expect(second).toBeGreaterThan(first);
  expect(await table.renew(former, first)).toEqual({ state: 'superseded' });
  expect(await table.bury(first)).toBe(false);
  expect(await table.renew(former, first)).toEqual({ state: 'superseded' });
  expect(await table.renew(present, second)).toMatchObject({ state: 'held', lapsed: false });
  await expect(table.tell(first, [here({ id: 'a', uid: '1' }, 1)])).rejects.toBeInstanceOf(NotHeld);
});

test('of two processes of one name that were both buried, and come back, the later one stays', async () => {
  const [former, present] = [identity('one'), identity('one')];
  const first = await table.join(former);
  const second = await table.join(present);
  await endLease(second);
  for (const each of [first, second]) expect(await table.bury(each)).toBe(false);
  expect(await table.renew(former, first)).toMatchObject({ state: 'held' });
  expect(await table.renew(present, second)).toMatchObject({ state: 'held' });
  expect(await table.renew(former, first)).toEqual({ state: 'superseded' });
  expect((await table.read(0)).nodes).toMatchObject([{ superseded: true, alive: false }, { epoch: second }]);
  expect(await table.renew(present, second)).toMatchObject({ state: 'held', lapsed: false });
});

test('a lease that is over is noticed by whoever renews it, and nothing is told without one', async () => {
  const one = identity('one');
  const mine = await table.join(one);
  await endLease(mine);
  await expect(table.tell(mine, [here({ id: 'a', uid: '1' }, 1)])).rejects.toBeInstanceOf(NotHeld);
  expect((await table.read(0)).nodes).toMatchObject([{ name: 'one', alive: false }]);
  expect(await table.renew(one, mine)).toMatchObject({ state: 'held', lapsed: true });
  await endLease(mine);
  expect(await table.bury(mine)).toBe(false);
  expect((await table.read(0)).nodes).toEqual([]);
  expect(await table.renew(one, mine)).toMatchObject({ state: 'held', lapsed: true });
  await table.leave(mine);
  expect((await table.read(0)).nodes).toEqual([]);
});

describe('a server that is alone', () => {
  let clock: ManualClock;
  let superseded: string[][];
  let alone: LoneServer[];
  beforeEach(() => {
    clock = new ManualClock();
    superseded = [];
    alone = [];
  });
  afterEach(async () => {
    for (const one of alone) await one.stop();
  });
  const begin = async () => {
    const options = { url: server.url(), database: patient, limits, clock };
    const begun = await LoneServer.begin({ ...options, superseded: (nodes) => superseded.push([...nodes]) });
    alone.push(begun);
    return begun;
  };
  const endLoneLease = () =>
    server.sql("UPDATE rm_server.fleet_nodes SET lease_until = clock_timestamp() WHERE name = ''");
  const loneLeaseLasts = () =>
    server.sql("SELECT lease_until > clock_timestamp() FROM rm_server.fleet_nodes WHERE name = ''");

  test('keeps nodes from coming back whose lease was over when it began, and none from beginning after it', async () => {
    const [one, buried] = [identity('one'), identity('two')];
    const [mine, other] = [await table.join(one), await table.join(buried)];
    await table.tell(mine, [here({ id: 'a', uid: '1' }, 1)]);
    await endLease(other);
    await expect(begin()).rejects.toThrow('is used by nodes (one)');
    expect(await table.renew(buried, other)).toMatchObject({ state: 'held' });
    for (const node of [mine, other]) await endLease(node);
    const first = await begin();
    expect(await table.renew(one, mine)).toEqual({ state: 'superseded' });
    expect(await table.renew(buried, other)).toEqual({ state: 'superseded' });
    await expect(table.tell(mine, [here({ id: 'a', uid: '1' }, 1)])).rejects.toBeInstanceOf(NotHeld);
    await first.stop();
    const next = identity('three');
    expect(await table.renew(next, await table.join(next))).toMatchObject({ state: 'held' });
    expect((await table.read(0)).nodes).toMatchObject([{ name: 'three' }]);
    expect((await table.read(0)).rows).toEqual([]);
  });

  test('keeps nodes from beginning while its lease lasts, which it renews', async () => {
    await begin();
    await expect(table.join(identity('one'))).rejects.toThrow('is used by a server without the key "node"');
    await endLoneLease();
    clock.advance(limits.renewMs);
    await expect.poll(loneLeaseLasts).toEqual(['true']);
    await expect(table.join(identity('one'))).rejects.toThrow('is used by a server without the key "node"');
    // As after kill -9.
    await endLoneLease();
    expect(await table.join(identity('one'))).toBeGreaterThan(0);
  });

  test('ends when nodes have begun after its lease', async () => {
    await begin();
    await endLoneLease();
    await table.join(identity('one'));
    clock.advance(limits.renewMs);
    await expect.poll(() => superseded).toEqual([['one']]);
    expect(clock.pending).toBe(0);
    expect((await table.read(0)).nodes).toMatchObject([{ name: 'one', alive: true }]);
  });
});

test('generations grow, over a crash of the database too', async () => {
  const before = await table.generations(3, 0);
  await server.crash();
  await server.resume();
  const after = await connect().generations(2, 0);
  const [last = 0] = await connect().generations(1, 1_000_000);
  expect(last).toBe(1_000_001);
  const all = [...before, ...after, last, ...(await connect().generations(1, 5))];
  expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
});

test('what is told is read in its order and in pages, with one event each, however often it is told', async () => {
  const [a, b, c] = [await add('a'), await add('b'), await add('c')];
  const mine = await table.join(identity('one'));
  for (let twice = 0; twice < 2; twice++)
    expect(await table.tell(mine, [here(a, 1), here(b, 2), here(c, 3)])).toEqual([]);
  for (let twice = 0; twice < 2; twice++) await table.tell(mine, [gone(b, 2)]);
  const { rows, table: data } = await table.read(0);
  expect(rows.map(({ id, gone }) => [id, gone])).toEqual([
    ['a', false],
    ['c', false],
    ['b', true],
  ]);
  expect(rows[0]).toMatchObject({
    ...a,
    epoch: mine,
    generation: 1,
    visitorKey: 'secret',
    properties: '{"name":"pump"}',
  });
  expect(await table.read(rows[1]?.change ?? 0)).toMatchObject({ table: data, rows: [{ id: 'b' }] });
  expect(await table.find([b, a, { id: 'a', uid: 'other' }])).toMatchObject([null, { id: 'a' }, null]);
  const properties = { name: 'pump' };
  expect(await events()).toEqual([
    ['device.online', 'a', 'acme', { properties }],
    ['device.online', 'b', 'acme', { properties }],
    ['device.online', 'c', 'acme', { properties }],
    ['device.offline', 'b', 'acme', { properties, end: { cause: 'closed', reason: 'the device closed it' } }],
  ]);
});

test('eventBytes: a long value is left out of the event, and not of the row', async () => {
  const a = await add('a');
  const mine = await table.join(identity('one'));
  const properties = { name: 'x'.repeat(500), other: 'a\0b' };
  await table.tell(mine, [{ ...here(a, 1), properties }]);
  expect(await events()).toEqual([['device.online', 'a', 'acme', { properties: null }]]);
  expect(JSON.parse((await table.find([a]))[0]?.properties ?? '')).toEqual(properties);
});

test('the later tunnel wins at another node, and the end of the former one changes nothing', async () => {
  const a = await add('a');
  const [one, two] = [await table.join(identity('one')), await table.join(identity('two'))];
  await table.tell(one, [here(a, 1)]);
  expect(await table.tell(two, [here(a, 2)])).toEqual([]);
  await table.tell(one, [gone(a, 1)]);
  expect(await table.tell(one, [here(a, 1, true)])).toEqual(['a']);
  expect(await table.find([a])).toMatchObject([{ epoch: two, generation: 2 }]);
  expect((await events()).map(([kind]) => kind)).toEqual(['device.online', 'device.online']);
});

test('what a node notes late of a former tunnel does not make the device look off line', async () => {
  const a = await add('a');
  const [one, two] = [await table.join(identity('one')), await table.join(identity('two'))];
  await connected(a, one, 1);
  await connected(a, two, 2);
  epoch = one;
  await store.devices.noteDisconnected(a, 9, { cause: 'silent', reason: 'silent' }, 1);
  await store.devices.noteConnected(a, 9, { ...facts, address: 'old', generation: 1 });
  await store.devices.addTraffic(a, 3, 4);
  expect(await store.devices.get('a')).toMatchObject({
    online: true,
    connects: 2,
    address: facts.address,
    bytesFrom: 3,
  });
  epoch = two;
  await store.devices.noteDisconnected(a, 10, { cause: 'closed', reason: 'closed' }, 2);
  expect(await isOnline(a)).toBe(false);
});

test('batchRows: a dead node is buried in portions, each with its events, and those of living nodes stay', async () => {
  const devices: DeviceKey[] = [];
  const [dead, living] = [await table.join(identity('one')), await table.join(identity('two'))];
  for (let n = 0; n < 7; n++) {
    const device = await add(`d${n}`);
    devices.push(device);
    await connected(device, dead, n + 1);
    // The rest was not told any more.
    if (n < 4) await table.tell(dead, [here(device, n + 1)]);
  }
  const other = await add('other');
  await connected(other, living, 10);
  await table.tell(living, [here(other, 10)]);
  expect(await table.bury(dead)).toBe(false);
  expect(await isOnline({ id: 'd0', uid: '' })).toBe(true);
  await endLease(dead);
  const portions: number[] = [];
  const count = async () => (await events()).filter(([kind]) => kind === 'device.offline').length;
  for (let more = true, before = 0; more; ) {
    more = await table.bury(dead);
    const now = await count();
    portions.push(now - before);
    before = now;
  }
  expect(portions).toEqual([3, 3, 1, 0]);
  for (const device of devices) expect(await isOnline(device)).toBe(false);
  expect(await isOnline(other)).toBe(true);
  expect((await table.read(0)).nodes).toMatchObject([{ name: 'two' }]);
  expect((await events()).at(-1)?.[3]).toMatchObject({ end: { cause: 'lost' } });
});

test.each([
  ['noted', async (device: DeviceKey, two: number) => connected(device, two, 2)],
  ['told', async (device: DeviceKey, two: number) => void (await table.tell(two, [here(device, 2)]))],
])(
  'a device whose new tunnel is only %s when its former node is buried stays on line',
  async (_name, move) => {
    const [one, two] = [await table.join(identity('one')), await table.join(identity('two'))];
    const device = await add('a');
    await connected(device, one, 1);
    await table.tell(one, [here(device, 1)]);
    await move(device, two);
    await endLease(one);
    while (await table.bury(one));
    await table.settle();
    expect(await isOnline(device)).toBe(true);
    expect((await events()).map(([kind]) => kind)).not.toContain('device.offline');
    // What was missing follows.
    await connected(device, two, 2);
    await table.tell(two, [here(device, 2)]);
    expect(await isOnline(device)).toBe(true);
    expect((await table.read(0)).rows).toMatchObject([{ id: 'a', epoch: two, generation: 2, gone: false }]);
  },
);

test('a device of a dead node was seen until the lease of that node was over', async () => {
  const one = await table.join(identity('one'));
  const [told, noted] = [await add('a'), await add('b')];
  for (const device of [told, noted]) await connected(device, one, 1);
  await table.tell(one, [here(told, 1)]);
  await endLease(one);
  const [until = ''] = await server.sql(
    'SELECT floor(extract(epoch FROM lease_until) * 1000)::bigint FROM rm_server.fleet_nodes',
  );
  while (await table.bury(one));
  const seen = [await store.devices.get('a'), await store.devices.get('b')].map((device) => device?.lastSeen);
  expect(seen).toEqual([Number(until), Number(until)]);
});

test('a node that comes back after its burial has its devices on line again', async () => {
  const a = await add('a');
  const one = identity('one');
  const mine = await table.join(one);
  await connected(a, mine, 1);
  await table.tell(mine, [here(a, 1)]);
  await endLease(mine);
  while (await table.bury(mine));
  expect(await isOnline(a)).toBe(false);
  await table.renew(one, mine);
  await table.tell(mine, [here(a, 1, true)]);
  expect([await isOnline(a), (await table.find([a]))[0]?.epoch]).toEqual([true, mine]);
  expect((await events()).map(([kind]) => kind)).toEqual([
    'device.online',
    'device.offline',
    'device.online',
  ]);
});

test('after a crash of the database the data are others, and what is told again is no event', async () => {
  const a = await add('a');
  const mine = await table.join(identity('one'));
  await connected(a, mine, 1);
  await table.tell(mine, [here(a, 1)]);
  const before = (await table.read(0)).table;
  await server.crash();
  await server.resume();
  const again = connect();
  const reading = await again.read(0);
  expect(reading.table).not.toBe(before);
  expect(reading.rows).toEqual([]);
  await again.tell(mine, [here(a, 1, true)]);
  expect(await again.find([a])).toMatchObject([{ epoch: mine }]);
  expect((await events()).map(([kind]) => kind)).toEqual(['device.online']);
  expect(await isOnline(a)).toBe(true);
});

test('what is on line at no node is noted off line, and the rest stays', async () => {
  const all: DeviceKey[] = [];
  const mine = await table.join(identity('one'));
  for (let n = 0; n < 5; n++) {
    all.push(await add(`d${n}`));
    await connected(all[n] as DeviceKey, n === 2 ? mine : mine + 1_000, n);
  }
  await table.settle();
  const online = [];
  for (const device of all) online.push(await isOnline(device));
  expect(online).toEqual([false, false, true, false, false]);
  expect(await events()).toHaveLength(4);
});

test('goneRows: rows of devices that have gone long ago are deleted, and readers behind that are told', async () => {
  const pruning = new PostgresqlMembership({
    url: server.url(),
    clock: systemClock,
    database: patient,
    limits: { ...limits, goneRows: 4 },
  });
  opened.push(pruning);
  const mine = await pruning.join(identity('one'));
  const key = (n: number) => ({ id: `d${n}`, uid: `${n}` });
  await pruning.tell(mine, [here(key(0), 1)]);
  await pruning.tell(mine, [here(key(1), 2)]);
  await pruning.tell(mine, [gone(key(1), 2)]);
  for (let n = 2; n < 8; n++) await pruning.tell(mine, [here(key(n), n + 1)]);
  const { rows, pruned } = await connect().read(0);
  expect(rows.map(({ id }) => id)).toEqual(['d0', 'd2', 'd3', 'd4']);
  expect(pruned).toBe(3);
});

test('the node of a device is asked to end its tunnel, until it has', async () => {
  const a = await add('a');
  const [one, two] = [await table.join(identity('one')), await table.join(identity('two'))];
  const end = { cause: 'disconnected', reason: 'disconnected by an operator', by: 'alice' } as const;
  expect(await table.askEnd(a, end, two)).toBeNull();
  await table.tell(one, [here(a, 1)]);
  const position = (await table.read(0)).rows[0]?.change ?? 0;
  expect(await table.askEnd(a, end, one)).toBeNull();
  expect(await table.askEnd(a, end, two)).toMatchObject({ epoch: one, generation: 1 });
  // What it tells meanwhile does not take it back.
  await table.tell(one, [here(a, 1, true)]);
  const [row] = (await table.read(position)).rows;
  expect(JSON.parse(row?.endAsked ?? '')).toEqual(end);
  await table.tell(one, [here(a, 2)]);
  expect((await table.read(position)).rows).toMatchObject([{ generation: 2, endAsked: null }]);
});

test('a node that was buried is still to end the tunnel that it was asked to end', async () => {
  const a = await add('a');
  const former = identity('one');
  const [one, two] = [await table.join(former), await table.join(identity('two'))];
  await connected(a, one, 1);
  await table.tell(one, [here(a, 1)]);
  const end = { cause: 'disconnected', reason: 'disconnected by an operator', by: 'alice' } as const;
  const asked = await table.askEnd(a, end, two);
  await endLease(one);
  while (await table.bury(one));
  const [buried] = (await table.read(asked?.change ?? 0)).rows;
  expect([buried?.gone, JSON.parse(buried?.endAsked ?? 'null')]).toEqual([true, end]);
  await table.renew(former, one);
  await table.tell(one, [here(a, 1, true)]);
  const [back] = (await table.read(buried?.change ?? 0)).rows;
  expect([back?.gone, JSON.parse(back?.endAsked ?? 'null')]).toEqual([false, end]);
  // Another tunnel was never asked to end.
  await table.tell(two, [here(a, 2)]);
  expect((await table.find([a]))[0]).toMatchObject({ generation: 2, endAsked: null });
});

test('hintRetryMs: nodes hear of what is told, again when the connection was lost, and nothing behind a pooler', async () => {
  const stop = await server.pooler(6432);
  const heard: (number | null)[] = [];
  const behindPooler: (number | null)[] = [];
  const ends = [connect().listen((epoch) => heard.push(epoch))];
  const pids =
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'rm-server hints' AND state = 'idle' AND query LIKE 'LISTEN%'";
  const listening = (count = 1) => expect.poll(() => server.sql(pids)).toHaveLength(count);
  try {
    await listening();
    const mine = await table.join(identity('one'));
    const a = await add('a');
    await table.tell(mine, [here(a, 1)]);
    await expect.poll(() => heard).toEqual([mine]);
    const [pid] = await server.sql(pids);
    await server.sql(`SELECT pg_terminate_backend(${pid})`);
    await expect.poll(async () => (await server.sql(pids)).includes(pid ?? '')).toBe(false);
    await listening();
    ends.push(connect(6432).listen((epoch) => behindPooler.push(epoch)));
    await listening(2);
    await connect(6432).tell(mine, [gone(a, 1)]);
    await expect.poll(() => heard).toEqual([mine, mine]);
    await table.tell(mine, [here(a, 2)]);
    await endLease(mine);
    await table.bury(mine);
    await expect.poll(() => heard).toEqual([mine, mine, mine, null]);
    expect(behindPooler).toEqual([]);
  } finally {
    for (const end of ends) end();
    await stop();
  }
});
