import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { SqliteStore } from 'rm-reflector';
import { type ReflectorEvent, StoreUnavailable } from 'rm-reflector/ports';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { EventRecorder } from './event-recorder.ts';
import { EventLog, type LoggedEvent } from './log/event-log.ts';

let folder: string;
let database: FleetDatabase;
let clock: ManualClock;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-events-'));
  const path = join(folder, 'server.sqlite');
  await SqliteStore.open(path).close();
  clock = new ManualClock();
  database = new FleetDatabase(path, clock, defaultLimits);
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

const logOf = (limits = {}) => new EventLog(database, clock, { ...defaultLimits, ...limits });
const started = () => ({ kind: 'server.started', time: clock.date() }) as const;

async function sequences(log: EventLog, after = 0): Promise<number[] | 'lost'> {
  const page = await log.after(after, 100);
  return 'lost' in page ? 'lost' : page.events.map(({ sequence }) => sequence);
}

describe('the log', () => {
  test('goes on over a restart, and a cursor is good for as long as its event is kept', async () => {
    const first = logOf();
    expect([first.last, await first.resume(await first.cursor(0))]).toEqual([0, 0]);
    await first.append([started(), started()]);
    const cursor = await first.cursor(1);
    const second = logOf();
    await second.refresh();
    expect([second.last, await second.resume(cursor)]).toEqual([2, 1]);
    await second.append([started()]);
    expect(await sequences(second, 2)).toEqual([3]);
  });

  test('a cursor of a log that was replaced by a backup counts for nothing', async () => {
    const log = logOf();
    await log.append([started()]);
    clock.advance(1_000);
    await log.append([started()]);
    const cursor = await log.cursor(2);
    database.prepare('UPDATE fleet_events SET time = time + 5 WHERE sequence = 2').run();
    expect(await log.resume(cursor)).toBe(null);
    expect(await log.resume('1000-1')).toBe(null);
  });

  test('eventsKept, eventsKeptMs: keeps a bounded number, and no event for ever but the last', async () => {
    const log = logOf({ eventsKept: 3, eventsKeptMs: 1_000, eventsInMemory: 1 });
    const count = () => database.prepare<{ n: number }>('SELECT count(*) n FROM fleet_events').get()?.n;
    for (let i = 0; i < 5; i++) await log.append([started()]);
    expect(count()).toBe(3);
    clock.advance(2_000);
    await log.append([started()]);
    expect(count()).toBe(1);
    expect(await log.resume(await log.cursor(6))).toBe(6);
  });

  test('eventsPruned: removes a part at a time', async () => {
    const log = logOf({ eventsKept: 1, eventsPruned: 2 });
    const rows = () => database.prepare<{ sequence: number }>('SELECT sequence FROM fleet_events').all();
    await log.append([started(), started(), started(), started(), started()]);
    expect(rows().map(({ sequence }) => sequence)).toEqual([3, 4, 5]);
    await log.append([started()]);
    expect(rows().map(({ sequence }) => sequence)).toEqual([5, 6]);
  });

  test('what a clock that jumps has marked wrongly leaves no gap', async () => {
    const log = logOf({ eventsKeptMs: 1_000 });
    await log.append([started(), { ...started(), time: 0 }, started()]);
    expect(database.prepare('SELECT sequence FROM fleet_events').all()).toHaveLength(3);
  });

  test('eventsPollMs: finds what others add', async () => {
    const log = logOf();
    log.start();
    await logOf().append([started()]);
    expect(log.last).toBe(0);
    const grown = log.grown(0, 60_000, new AbortController().signal);
    clock.advance(defaultLimits.eventsPollMs);
    await grown;
    expect(await sequences(log)).toEqual([1]);
    await log.stop();
    expect(clock.pending).toBe(0);
  });

  test('eventsInMemory: a flood of others is read in part', async () => {
    const log = logOf({ eventsInMemory: 2 });
    await logOf().append([started(), started(), started(), started()]);
    await log.refresh();
    expect([log.last, await log.resume(await log.cursor(4))]).toEqual([4, 4]);
  });

  test('eventBytes: long values are left out', async () => {
    const log = logOf({ eventBytes: 1_000 });
    const properties = { a: 'x'.repeat(2_000) };
    await log.append([{ kind: 'device.online', time: 1, device: 'dev1', data: { properties, short: 1 } }]);
    const page = await log.after(0, 1);
    expect('events' in page && page.events[0]?.data).toBe('{"properties":null,"short":1}');
  });
});

test('a name with a NUL, which not every engine keeps, is noted without', async () => {
  const log = logOf();
  await log.append([{ kind: 'user.log-in', time: 1, user: 'a\0b' }]);
  const page = await log.after(0, 1);
  expect('events' in page && page.events[0]?.user).toBe('a\ufffdb');
});

describe('the recorder', () => {
  let log: EventLog;
  let sequence = 0;
  const recorderOf = (limits = {}) =>
    new EventRecorder(log, clock, { ...defaultLimits, ...limits }, pino({ level: 'silent' }));
  const device = { id: 'dev1', uid: 'u1' };
  const happens = (kind: 'online' | 'offline' | 'properties', value = ''): ReflectorEvent => {
    const properties = { value };
    return { kind, device, properties, sequence: ++sequence, time: clock.date() };
  };
  const told = () =>
    database
      .prepare<LoggedEvent>('SELECT kind, data FROM fleet_events ORDER BY sequence')
      .all()
      .map(({ kind, data }) => `${kind} ${data}`);
  beforeEach(() => {
    log = logOf();
  });

  test('eventsBatch, eventsBatchMs: writes several at a time', async () => {
    const recorder = recorderOf();
    recorder.take(happens('online'));
    recorder.take(happens('offline'));
    expect([recorder.pending, told()]).toEqual([2, []]);
    clock.advance(defaultLimits.eventsBatchMs);
    await recorder.flush();
    expect(told()).toHaveLength(2);
    expect(recorder.pending).toBe(0);
  });

  test('propertiesEventMs: a device that says something else all the time is noted now and then', async () => {
    const recorder = recorderOf();
    for (let i = 0; i < 100; i++) {
      recorder.take(happens('properties', String(i)));
      clock.advance(500);
    }
    await recorder.stop();
    expect(told().map((line) => /"value":"(\d+)"/.exec(line)?.[1])).toEqual([
      '0',
      '19',
      '39',
      '59',
      '79',
      '99',
    ]);
    expect(clock.pending).toBe(0);
  });

  test('what it said before it went is said by its going', () => {
    const recorder = recorderOf();
    recorder.take(happens('properties', '1'));
    recorder.take(happens('properties', '2'));
    recorder.take(happens('offline', '2'));
    clock.advance(60_000);
    expect(told()).toEqual([
      'device.properties {"properties":{"value":"1"}}',
      'device.offline {"properties":{"value":"2"}}',
    ]);
  });

  test('what the reflector has lost is told', async () => {
    const recorder = recorderOf();
    recorder.take({ kind: 'lost', count: 7 });
    await recorder.stop();
    expect(told()).toEqual(['events.lost {"count":7}']);
  });

  test('eventsPending: while the store is away a bounded number waits', async () => {
    let away = true;
    const broken = {
      append: async (events: Parameters<EventLog['append']>[0]) => {
        if (away) throw new StoreUnavailable('SQLITE_FULL', 'full');
        await log.append(events);
      },
    } as EventLog;
    const recorder = new EventRecorder(
      broken,
      clock,
      { ...defaultLimits, eventsBatch: 2, eventsPending: 3 },
      pino({ level: 'silent' }),
    );
    for (let i = 0; i < 10; i++) recorder.take(happens('online', String(i)));
    await recorder.flush();
    expect(recorder.pending).toBe(3);
    away = false;
    clock.advance(60_000);
    await recorder.flush();
    expect(told()).toEqual([
      'events.lost {"count":7}',
      ...['7', '8', '9'].map((value) => `device.online {"properties":{"value":"${value}"}}`),
    ]);
  });

  test('what comes while others are written comes after them, and what could not be written comes first', async () => {
    const outcomes: ((error?: Error) => void)[] = [];
    const slow = {
      append: async (events: Parameters<EventLog['append']>[0]) => {
        if (events.length === 0) return;
        const error = await new Promise<Error | undefined>((resolve) => outcomes.push(resolve));
        if (error) throw error;
        await log.append(events);
      },
    } as EventLog;
    const recorder = new EventRecorder(slow, clock, defaultLimits, pino({ level: 'silent' }));
    const values = () => told().map((line) => /"value":"(\d+)"/.exec(line)?.[1]);
    recorder.take(happens('online', '1'));
    const first = recorder.flush();
    recorder.take(happens('online', '2'));
    expect([recorder.pending, outcomes.length]).toEqual([2, 1]);
    outcomes[0]?.(new StoreUnavailable('SQLITE_FULL', 'full'));
    await first;
    expect([recorder.pending, values()]).toEqual([2, []]);
    const second = recorder.flush();
    recorder.take(happens('online', '3'));
    outcomes[1]?.();
    await second;
    expect([recorder.pending, values()]).toEqual([1, ['1', '2']]);
    const third = recorder.flush();
    outcomes[2]?.();
    await third;
    await recorder.stop();
    expect([recorder.pending, values(), clock.pending]).toEqual([0, ['1', '2', '3'], 0]);
  });

  test('records of the audit log that are about access', async () => {
    const recorder = recorderOf();
    const records = [
      { event: 'request', allowed: true, user: 'bob', device: 'dev1', port: 80 },
      { event: 'requests', allowed: true, user: 'bob', device: 'dev1', times: 9 },
      { event: 'request', allowed: true, user: 'bob' },
      { event: 'client-tunnel', allowed: false, user: 'bob', device: 'dev1', reason: 'no' },
      { event: 'log-in', allowed: true, user: 'bob', by: 'password' },
    ];
    for (const record of records)
      recorder.take({ kind: 'audit', record, sequence: ++sequence, time: clock.date() });
    await recorder.stop();
    expect(told()).toEqual([
      'device.access {"how":"web","allowed":true,"port":80}',
      'device.access {"how":"tcp","allowed":false,"reason":"no"}',
      'user.log-in {"allowed":true,"by":"password"}',
    ]);
  });
});
