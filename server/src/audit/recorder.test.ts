import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { SqliteStore } from 'rm-reflector';
import { type AuditEntry, type AuditRecord, type Events, StoreUnavailable } from 'rm-reflector/ports';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { FleetDatabase } from '../store/fleet-database.ts';
import { AuditRecorder } from './recorder.ts';

const limits = { ...defaultLimits, auditWaiting: 3, auditRemovedAtOnce: 2 };
const dayMs = 86_400_000;

let folder: string;
let store: SqliteStore;
let database: FleetDatabase;
let clock: ManualClock;
let recorder: AuditRecorder;
let away: 'told' | 'untold' | false;
let logged: string[];
let tell: (event: { kind: 'audit'; record: AuditRecord } | { kind: 'lost'; count: number }) => void;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-server-audit-'));
  const path = join(folder, 'server.sqlite');
  store = SqliteStore.open(path);
  clock = new ManualClock();
  database = new FleetDatabase(path, clock, defaultLimits);
  away = false;
  const queue: unknown[] = [];
  let wake = () => {};
  let closed = false;
  tell = (event) => {
    queue.push({ time: clock.date(), sequence: 0, ...event });
    wake();
  };
  const events = {
    subscribe: () => ({
      close: () => {
        closed = true;
        wake();
      },
      async *[Symbol.asyncIterator]() {
        while (!closed) {
          while (queue.length > 0) yield queue.shift();
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      },
    }),
  } as unknown as Events;
  const audit = {
    append: async (entries: readonly AuditEntry[]) => {
      const failure = new StoreUnavailable('SQLITE_FULL', 'full');
      if (away === 'told') failure.told();
      if (away) throw failure;
      await store.audit.append(entries);
    },
  };
  logged = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  recorder = new AuditRecorder({
    events,
    store: { audit: { ...store.audit, ...audit } as typeof store.audit },
    database,
    clock,
    log,
    limits,
    days: 10,
  });
});
afterEach(async () => {
  await recorder.stop();
  await database.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

const record = (event: string): AuditRecord => ({ event, allowed: true, user: 'alice' });
const stored = async () => (await store.audit.page({}, 0, 100)).map(({ event }) => event);
const happen = async (...events: string[]) => {
  for (const event of events) tell({ kind: 'audit', record: record(event) });
  await turn();
};
const pass = async () => {
  clock.advance(limits.auditBatchMs);
  await turn();
};

test('auditBatchMs: records are written together, in their order', async () => {
  recorder.start();
  await happen('a', 'b');
  expect(await stored()).toEqual([]);
  await pass();
  await happen('c');
  await pass();
  expect(await stored()).toEqual(['a', 'b', 'c']);
  expect(await store.audit.page({ user: 'alice' }, 0, 1)).toMatchObject([
    { record: JSON.stringify(record('a')), time: clock.date() - 2 * limits.auditBatchMs },
  ]);
});

test('auditWaiting: more than wait are lost, and that is a record', async () => {
  recorder.start();
  await happen('a', 'b', 'c', 'd', 'e');
  tell({ kind: 'lost', count: 5 });
  await turn();
  await pass();
  expect(await stored()).toEqual(['a', 'b', 'c', 'audit-lost']);
  const [, , , lost] = await store.audit.page({}, 0, 10);
  expect(JSON.parse(lost?.record ?? '')).toMatchObject({ times: 7 });
});

test('what could not be written is written later', async () => {
  recorder.start();
  away = 'told';
  await happen('a', 'b');
  await pass();
  await happen('c', 'd');
  away = false;
  await pass();
  expect(await stored()).toEqual(['a', 'b', 'c', 'audit-lost']);
  // The store itself says that it is away, once.
  expect(logged).toEqual([]);
});

test('a failure of this call alone is told here, as nobody else tells of it', async () => {
  recorder.start();
  away = 'untold';
  await happen('a');
  await pass();
  expect(logged.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'records of the audit log wait: the store cannot be written', err: { code: 'SQLITE_FULL' } },
  ]);
});

test('the end writes what waits', async () => {
  recorder.start();
  await happen('a');
  await recorder.stop();
  expect(await stored()).toEqual(['a']);
});

test('auditRemovedAtOnce, auditSweepMs: old records go, a few at a time', async () => {
  const old = (n: number) => ({
    time: clock.date() - 10 * dayMs - n,
    event: `old${n}`,
    user: null,
    device: null,
    record: '{}',
  });
  const fresh = { ...old(0), time: clock.date() - 10 * dayMs + 60_000, event: 'fresh' };
  await store.audit.append([old(3), old(2), old(1), fresh]);
  recorder.start();
  expect(await stored()).toHaveLength(2);
  await pass();
  expect(await stored()).toEqual(['fresh']);
  clock.advance(limits.auditSweepMs);
  await turn();
  expect(await stored()).toEqual([]);
});

test('auditSweepMs: old records that could not be removed go later', async () => {
  const old = { time: clock.date() - 11 * dayMs, event: 'old', user: null, device: null, record: '{}' };
  await store.audit.append([old]);
  vi.spyOn(database, 'run').mockRejectedValueOnce(new StoreUnavailable('SQLITE_BUSY', 'locked'));
  recorder.start();
  await turn();
  expect(await stored()).toEqual(['old']);
  clock.advance(limits.auditSweepMs);
  await turn();
  expect(await stored()).toEqual([]);
});
