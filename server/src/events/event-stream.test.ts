import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import type { Identity, UserRecord } from 'rm-reflector/ports';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import type { Extent } from '../rights/permission.ts';
import { callerRights } from '../rights/rights.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { EventStream } from './event-stream.ts';
import { EventLog } from './log/event-log.ts';

let folder: string;
let database: FleetDatabase;
let clock: ManualClock;
let log: EventLog;
let store: SqliteStore;
let user: UserRecord;
let held: Extent;
const limits = { ...defaultLimits, eventsKept: 3, eventsInMemory: 2, eventsRead: 2 };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-stream-'));
  const path = join(folder, 'server.sqlite');
  store = SqliteStore.open(path);
  await store.users.add('alice', 'x', 0, 'user');
  const found = await store.users.get('alice');
  if (!found) throw new Error('there is no alice');
  user = found;
  held = null;
  clock = new ManualClock();
  database = new FleetDatabase(path, clock, defaultLimits);
  // In the same thread: unit tests start none.
  database.read = async <Row>(sql: string, ...values: readonly unknown[]) =>
    database.prepare<Row>(sql).all(...values);
  log = new EventLog(database, clock, limits);
});
afterEach(async () => {
  await database.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const happens = (count: number, domain?: string) =>
  log.append(
    Array.from({ length: count }, () => ({ kind: 'device.added', time: clock.date(), domain }) as const),
  );

function open(signal = new AbortController().signal): Promise<EventStream> {
  const identity: Identity = { user, session: null, until: 1e15, credential: 'password', by: 'password' };
  const rights = {
    of: async () =>
      callerRights(
        () => held,
        () => [],
      ),
  };
  const known = { user: (name: string) => store.users.get(name) };
  return EventStream.open(
    { eventLog: log, rights, known, clock, limits },
    { identity, filter: {}, cursor: null, signal },
  );
}

async function kinds(messages: AsyncGenerator<{ readonly kind: string }>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push((await messages.next()).value?.kind ?? 'end');
  return taken;
}

test('eventsRead: a reader that takes nothing for too long is told, and goes on from now', async () => {
  const messages = (await open()).messages();
  expect(await kinds(messages, 1)).toEqual(['ready']);
  await happens(2);
  expect(await kinds(messages, 1)).toEqual(['device.added']);
  await happens(20);
  // The page that it has begun is whole.
  expect(await kinds(messages, 2)).toEqual(['device.added', 'events.lost']);
  await happens(1);
  expect(await kinds(messages, 1)).toEqual(['device.added']);
});

test('a reader that is behind what is in memory reads the data file', async () => {
  const messages = (await open()).messages();
  await messages.next();
  await happens(3);
  expect(await kinds(messages, 3)).toEqual(['device.added', 'device.added', 'device.added']);
});

test('eventRightsMs: what was allowed when the page was read, and is not now, is not sent', async () => {
  const messages = (await open()).messages();
  await messages.next();
  await happens(2, 'north');
  held = { domains: ['north'], devices: [] };
  expect(await kinds(messages, 1)).toEqual(['device.added']);
  clock.advance(defaultLimits.eventRightsMs);
  held = { domains: [], devices: [] };
  expect(await kinds(messages, 1)).toEqual(['end']);
});

test('what happened in a domain is not for who has one of its name later', async () => {
  const addDomain = () =>
    database.prepare('INSERT INTO fleet_domains (id, created) VALUES (?, ?)').run('acme', 0);
  addDomain();
  const cursor = await log.cursor(log.last);
  await happens(1, 'acme');
  database.prepare('DELETE FROM fleet_domains WHERE id = ?').run('acme');
  // Both a log that was open meanwhile and one that is opened later.
  await log.refresh();
  const later = new EventLog(database, clock, limits);
  addDomain();
  await happens(1, 'acme');
  await later.refresh();
  for (const one of [log, later]) {
    for (const [extent, expected] of [
      [{ domains: ['acme'], devices: [] }, ['ready', 'device.added', 'alive']],
      [null, ['ready', 'device.added', 'device.added', 'alive']],
    ] as const) {
      held = extent;
      log = one;
      const stream = await open();
      await stream.seek(cursor);
      const messages = stream.messages();
      const taken = kinds(messages, expected.length);
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(limits.eventHeartbeatMs);
      expect(await taken).toEqual(expected);
    }
  }
});

test('another user of the same name gets nothing', async () => {
  const messages = (await open()).messages();
  await messages.next();
  await store.users.remove('alice', true);
  await store.users.add('alice', 'x', 0, 'administrator');
  await happens(1);
  expect(await kinds(messages, 1)).toEqual(['end']);
});

test('eventHeartbeatMs: silence is broken now and then, also where nothing that happens may be seen', async () => {
  const messages = (await open()).messages();
  await messages.next();
  held = { domains: ['south'], devices: [] };
  const next = kinds(messages, 1);
  for (let i = 0; i < 30; i++) {
    await happens(1, 'north');
    clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await next).toEqual(['alive']);
});

test('the end of the caller ends the wait', async () => {
  const controller = new AbortController();
  const messages = (await open(controller.signal)).messages();
  await messages.next();
  const next = kinds(messages, 1);
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  expect(await next).toEqual(['end']);
  expect(clock.pending).toBe(0);
});
