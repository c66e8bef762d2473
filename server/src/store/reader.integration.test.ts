import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from 'rm-protocol';
import { SqliteStore } from 'rm-reflector';
import { systemClock } from 'rm-reflector/program';
import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits } from '../limits.ts';
import { Reader } from './reader.ts';

async function readerOf(limits: Partial<typeof defaultLimits>, clock: Clock = systemClock): Promise<Reader> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-server-reader-'));
  const path = join(folder, 'server.sqlite');
  await SqliteStore.open(path).close();
  const reader = new Reader(path, clock, { ...defaultLimits, ...limits });
  onTestFinished(async () => {
    await reader.close();
    rmSync(folder, { recursive: true });
  });
  return reader;
}

test('readTexts: a thread that keeps as many queries is replaced', async () => {
  const reader = await readerOf({ readTexts: 2 });
  // A property of the connection, and so of the thread.
  await reader.all('PRAGMA busy_timeout = 1234', []);
  const timeout = () => reader.all('PRAGMA busy_timeout', []);
  expect(await timeout()).toEqual([{ timeout: 1234 }]);
  const numbers = Array.from({ length: 5 }, (_, n) => n);
  const asked = [timeout(), ...numbers.map((n) => reader.all(`SELECT ${n} AS n, ? AS value`, [-n]))];
  expect(await Promise.all(asked)).toEqual([[{ timeout: 1234 }], ...numbers.map((n) => [{ n, value: -n }])]);
  expect(await timeout()).toEqual([{ timeout: 5000 }]);
  expect(reader.waiting).toBe(0);
});

test('readsWaiting: what comes beyond it is refused, and what waits when it is closed', async () => {
  const reader = await readerOf({ readsWaiting: 2, readTexts: 1 });
  const asked = [1, 2, 3].map((n) => reader.all(`SELECT ${n}`, []));
  await expect(asked[2]).rejects.toThrow('too many queries wait');
  const closed = Promise.allSettled(asked.slice(0, 2));
  await reader.close();
  expect((await closed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});

test('readsWaiting: whoever asks for much takes no place from others', async () => {
  const reader = await readerOf({ readsWaiting: 4 });
  const ask = (user: string) => reader.all('SELECT ? AS of', [user], user);
  const much = Promise.allSettled(Array.from({ length: 5 }, () => ask('mallory')));
  const others = await Promise.all(['alice', 'bob'].map(ask));
  expect(others).toEqual([[{ of: 'alice' }], [{ of: 'bob' }]]);
  expect((await much).map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'],
  ]);
});

test('users take turns: nobody waits for all queries of another, and the short ones of nobody go first', async () => {
  const reader = await readerOf({});
  const answered: string[] = [];
  const ask = (user: string) => reader.all('SELECT 1', [], user).then(() => answered.push(user));
  const much = Array.from({ length: 20 }, () => ask('mallory'));
  await Promise.all([...much, ask('bob'), ask('bob'), ask('alice'), ask('')]);
  const [m, b, a] = ['mallory', 'bob', 'alice'];
  expect(answered.slice(0, 8)).toEqual([m, '', m, b, a, m, b, m]);
  expect(answered).toHaveLength(24);
});

test('readMs: a query that takes longer is given up, and only that one', async () => {
  const clock = new ManualClock();
  const reader = await readerOf({}, clock);
  await reader.all('SELECT 1', []);
  const long =
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT max(i) FROM n';
  const given = reader.all(long, [], 'mallory');
  const waits = reader.all('SELECT 1 AS one', [], 'bob');
  clock.advance(defaultLimits.readMs);
  await expect(given).rejects.toThrow('a query took more than 10 s');
  expect(await waits).toEqual([{ one: 1 }]);
  expect(clock.pending).toBe(0);
});

test('readerStartMs: a query waits for a thread that starts slowly, but not for ever', async () => {
  const clock = new ManualClock();
  const reader = await readerOf({}, clock);
  const waits = reader.all('SELECT 1 AS one', []);
  clock.advance(defaultLimits.readerStartMs - 1);
  expect(await waits).toEqual([{ one: 1 }]);
  expect(clock.pending).toBe(0);

  const other = await readerOf({}, clock);
  const waitInVain = ['alice', 'bob'].map((user) => other.all('SELECT 1', [], user));
  const ended = Promise.allSettled(waitInVain);
  clock.advance(defaultLimits.readerStartMs);
  for (const { status, reason } of (await ended) as PromiseRejectedResult[]) {
    expect([status, reason.message]).toEqual([
      'rejected',
      expect.stringContaining('the thread that reads did not start'),
    ]);
  }
  expect(await other.all('SELECT 1 AS one', [])).toEqual([{ one: 1 }]);
});
