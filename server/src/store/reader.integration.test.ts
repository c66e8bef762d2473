import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from 'rm-reflector';
import { systemClock } from 'rm-reflector/program';
import { expect, onTestFinished, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { Reader } from './reader.ts';

async function readerOf(limits: Partial<typeof defaultLimits>): Promise<Reader> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-server-reader-'));
  const path = join(folder, 'server.sqlite');
  await SqliteStore.open(path).close();
  const reader = new Reader(path, systemClock, { ...defaultLimits, ...limits });
  onTestFinished(async () => {
    await reader.close();
    rmSync(folder, { recursive: true });
  });
  return reader;
}

test('readTexts: a thread that keeps as many queries is replaced, and answers what it was asked', async () => {
  const reader = await readerOf({ readTexts: 2 });
  // A property of the connection, and so of the thread.
  await reader.all('PRAGMA busy_timeout = 1234', []);
  const timeout = () => reader.all('PRAGMA busy_timeout', []);
  expect(await timeout()).toEqual([{ timeout: 1234 }]);
  const numbers = Array.from({ length: 50 }, (_, n) => n);
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

test('readMs: a query that takes longer is given up, and the next one is answered', async () => {
  // The next one waits for a new thread, which takes a while on a busy machine.
  const reader = await readerOf({ readMs: 2_000 });
  const endless =
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60000000) SELECT max(i) FROM n';
  await expect(reader.all(endless, [])).rejects.toThrow('a query took more than 2 s');
  await expect.poll(() => reader.all('SELECT 1 AS one', []), { timeout: 60_000 }).toEqual([{ one: 1 }]);
});
