import pg from 'pg';
import { OneUseTokens } from 'rm-reflector';
import { sharedStateConformance } from 'rm-reflector/ports/conformance';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../../../../protocol/src/testing/manual-clock.ts';
import { PostgresqlServer } from '../../../../test/system/postgresql-server.ts';
import { PostgresqlStore } from '../../store/postgresql/postgresql-store.ts';
import { PostgresqlSharedState, type SharedStateOptions } from './postgresql-shared-state.ts';

const [own, pooled] = [5432, 6432];
/** A machine may be busy with much else. */
const patient = { connectMs: 60_000, lockMs: 60_000, statementMs: 60_000, answerMs: 90_000 };

let server: PostgresqlServer;
let stopPooler: () => Promise<void>;
beforeAll(async () => {
  server = await PostgresqlServer.start(own);
  stopPooler = await server.pooler(pooled);
  await (await PostgresqlStore.open({ url: server.url(), limits: patient })).close();
});
afterAll(() => server.end());

const opened: PostgresqlSharedState[] = [];
afterEach(async () => {
  for (const member of opened.splice(0)) await member.close();
  await server.sql(
    'TRUNCATE rm_reflector.shared_epoch, rm_reflector.shared_used, rm_reflector.shared_counts, rm_reflector.shared_jobs',
  );
});

async function join(
  clock = new ManualClock(),
  { port = own, ...options }: Partial<SharedStateOptions> & { readonly port?: number } = {},
): Promise<PostgresqlSharedState> {
  const url = server.url(port);
  const member = await PostgresqlSharedState.open({ url, clock, databaseLimits: patient, ...options });
  opened.push(member);
  return member;
}

async function settle(): Promise<void> {
  // What is under way may have begun before.
  for (let round = 0; round < 2; round++) for (const member of opened) await member.exchange();
}

function subject(port: number, makeAway: () => Promise<() => Promise<void>>) {
  return {
    join: () => join(new ManualClock(), { port }),
    settle,
    lose: async () => {
      await server.crash();
      await server.resume();
      await settle();
    },
    makeAway,
    end: async () => {},
  };
}

sharedStateConformance('PostgreSQL', () =>
  subject(own, async () => {
    await server.crash();
    return () => server.resume();
  }),
);

sharedStateConformance('PostgreSQL behind pgbouncer in transaction mode', () =>
  subject(pooled, async () => {
    await stopPooler();
    return async () => {
      stopPooler = await server.pooler(pooled);
    };
  }),
);

const hour = { memoryMs: 3_600_000, perMs: 0 };

test('readMs, batchMs: what one has counted the others know when both times have passed', async () => {
  const [mine, others] = [new ManualClock(), new ManualClock()];
  const limits = { readMs: 1_000, batchMs: 100 };
  const one = await join(mine, { limits });
  const two = await join(others, { limits });
  const learned: number[] = [];
  two.counter('tries', (_key, count) => learned.push(count));
  const counter = one.counter('tries', () => {});
  await settle();
  counter.add('alice', 3, hour);
  mine.advance(99);
  expect(await counted()).toEqual([]);
  mine.advance(1);
  await expect.poll(counted).toEqual(['3']);
  others.advance(999);
  await one.exchange();
  expect(learned).toEqual([]);
  others.advance(1);
  await expect.poll(() => learned).toEqual([3]);
});

function counted(): Promise<string[]> {
  return server.sql('SELECT count FROM rm_reflector.shared_counts');
}

test('countsRead, countsPerWrite: many are written and read in parts', async () => {
  const limits = { countsRead: 3, countsPerWrite: 2 };
  const one = await join(new ManualClock(), { limits });
  const two = await join(new ManualClock(), { limits });
  const learned = new Map<string, number>();
  two.counter('tries', (key, count) => learned.set(key, count));
  const counter = one.counter('tries', () => {});
  for (let key = 0; key < 9; key++) counter.add(`key ${key}`, 1, hour);
  await one.exchange();
  expect(await counted()).toHaveLength(2);
  for (let round = 0; round < 10; round++) await settle();
  expect(learned.size).toBe(9);
});

test('countsRead: what a transaction has counted that ends after later ones is not missed', async () => {
  const one = await join(new ManualClock());
  const two = await join(new ManualClock(), { limits: { countsRead: 3 } });
  const learned = new Map<string, number>();
  two.counter('tries', (key, count) => learned.set(key, count));
  const counter = one.counter('tries', () => {});
  await settle();
  const slow = new pg.Client({ connectionString: server.url(), ssl: false });
  await slow.connect();
  await slow.query(
    `BEGIN; INSERT INTO rm_reflector.shared_counts SELECT 'tries slow', 1, 0, now, now + 3600000, false, 'another', pg_current_xact_id()
       FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS clock`,
  );
  for (let key = 0; key < 7; key++) {
    counter.add(`key ${key}`, 1, hour);
    await one.exchange();
  }
  await two.exchange();
  expect(learned.size).toBe(3);
  await slow.query('COMMIT');
  await slow.end();
  for (let round = 0; round < 5; round++) await settle();
  expect([learned.size, learned.get('slow')]).toEqual([8, 1]);
});

test('countsWaiting: beyond it, the one that waits longest is not told', async () => {
  const one = await join(new ManualClock(), { limits: { countsWaiting: 2 } });
  await settle();
  const counter = one.counter('tries', () => {});
  for (const key of ['a', 'b', 'c']) counter.add(key, 1, hour);
  await one.exchange();
  expect(await server.sql('SELECT key FROM rm_reflector.shared_counts ORDER BY key')).toEqual([
    'tries b',
    'tries c',
  ]);
});

test('sweepMs, sweptAtOnce, countsKept: what has expired is removed, and what is too much', async () => {
  const clock = new ManualClock();
  const one = await join(clock, { limits: { sweepMs: 10_000, sweptAtOnce: 1, countsKept: 2 } });
  await settle();
  const counter = one.counter('tries', () => {});
  for (const [key, hours] of [...'abcd'].entries())
    counter.add(hours, 1, { memoryMs: 3_600_000 * (key + 1), perMs: 0 });
  for (const key of ['x', 'y']) await one.once(Buffer.from(key), one.epoch, 1);
  await one.exchange();
  const left = () =>
    server.sql(
      'SELECT key FROM rm_reflector.shared_counts UNION ALL SELECT encode(key, $$escape$$) FROM rm_reflector.shared_used ORDER BY 1',
    );
  expect(await left()).toHaveLength(6);
  clock.advance(10_000);
  await settle();
  // One of each kind.
  expect(await left()).toHaveLength(4);
  clock.advance(10_000);
  await settle();
  expect(await left()).toEqual(['tries c', 'tries d']);
});

test('used, usesWaiting, usesPerWrite: beyond them nothing is used up, and nobody is let in', async () => {
  const clock = new ManualClock();
  const one = await join(clock, { limits: { used: 3, usesWaiting: 2, usesPerWrite: 1 } });
  const use = (key: string) => one.once(Buffer.from(key), one.epoch, 60_000);
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(use));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(await use('c')).toBe(true);
  await expect(use('d')).rejects.toThrow('too much is used once');
  clock.advance(60_001);
  expect(await use('d')).toBe(true);
});

test('leaseMs: one node has the jobs, and another takes them over from one that does not renew', async () => {
  const clocks = [new ManualClock(), new ManualClock()] as const;
  const limits = { leaseMs: 12_000 };
  const one = await join(clocks[0], { limits });
  await one.exchange();
  const two = await join(clocks[1], { limits });
  await two.exchange();
  expect([one.leads, two.leads]).toEqual([true, false]);
  // The first is stopped; the second watches.
  clocks[1].advance(11_999);
  await two.exchange();
  expect(two.leads).toBe(false);
  clocks[1].advance(1);
  await two.exchange();
  expect(two.leads).toBe(true);
  // It goes on after as long: it does not believe in its lease.
  clocks[0].advance(12_000);
  expect(one.leads).toBe(false);
  await one.exchange();
  expect([one.leads, two.leads]).toEqual([false, true]);
  await two.close();
  await one.exchange();
  expect(one.leads).toBe(true);
});

test('what was counted is counted once, also where the lease of the jobs cannot be looked at', async () => {
  const clock = new ManualClock();
  const one = await join(clock, { databaseLimits: { ...patient, lockMs: 50 } });
  const other = await join();
  const learned: number[] = [];
  other.counter('failures', (_key, count) => learned.push(count));
  const counter = one.counter('failures', () => {});
  const blocker = new pg.Client({ connectionString: server.url(), ssl: false });
  await blocker.connect();
  await blocker.query('BEGIN; LOCK TABLE rm_reflector.shared_jobs');
  counter.add('alice', 1, { memoryMs: 60_000, perMs: 0 });
  for (let round = 0; round < 3; round++) {
    clock.advance(12_000);
    await one.exchange();
  }
  await blocker.end();
  await settle();
  expect(learned.at(-1)).toBe(1);
});

test('a node that renews keeps the jobs, also after a crash of the database', async () => {
  const clocks = [new ManualClock(), new ManualClock()] as const;
  const [one, two] = [await join(clocks[0]), await join(clocks[1])];
  await settle();
  const [first, second] = one.leads ? [one, two] : [two, one];
  for (let round = 0; round < 6; round++) {
    for (const clock of clocks) clock.advance(5_000);
    if (round === 3) {
      await server.crash();
      await server.resume();
    }
    await settle();
    expect([first.leads, second.leads]).toEqual([true, false]);
  }
});

test('keys that are used up are not written as they are when tokens are', async () => {
  const one = await join();
  const tokens = new OneUseTokens(one, Buffer.from('secret'), 'test', { ms: 60_000, used: 100 });
  const token = tokens.issue(Buffer.from('what it says'));
  expect(String(await tokens.redeem(token))).toBe('what it says');
  const [kept = ''] = await server.sql("SELECT encode(key, 'base64') FROM rm_reflector.shared_used");
  expect(kept).toHaveLength(44);
  expect(Buffer.from(token, 'base64url').toString('base64')).not.toContain(kept.slice(0, 12));
});
