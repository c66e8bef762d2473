import { expect, test } from 'vitest';
import { StoreUnavailable } from '../ports/store.ts';
import { Breaker } from './breaker.ts';
import { SqliteError } from './lasting-database.ts';

function setUp() {
  const said: string[] = [];
  const time = { now: 0 };
  const breaker = new Breaker('write');
  breaker.watch({
    busyMs: 1,
    retryMs: 100,
    now: () => time.now,
    failed: (kind, error) => said.push(`${kind} ${error.code}`),
    recovered: (kind) => said.push(`${kind} again`),
  });
  let calls = 0;
  const failing = (code: string) => () => {
    calls++;
    throw new SqliteError('broken', code);
  };
  return { breaker, said, time, failing, calls: () => calls };
}

test('storeRetryMs: after a failure the file is left alone for a time, and it is told once', () => {
  const { breaker, said, time, failing, calls } = setUp();
  const busy = () => breaker.run(failing('SQLITE_BUSY'));
  expect(busy).toThrow(new StoreUnavailable('SQLITE_BUSY', 'another process holds it'));
  expect(busy).toThrow(expect.objectContaining({ isTold: true }));
  expect(calls()).toBe(1);
  time.now = 100;
  expect(busy).toThrow(StoreUnavailable);
  expect(calls()).toBe(2);
  time.now = 200;
  expect(breaker.run(() => 'written')).toBe('written');
  expect(said).toEqual(['write SQLITE_BUSY', 'write again']);
});

test('a fault of ours is no fault of the file', () => {
  const { breaker, said, failing } = setUp();
  expect(() => breaker.run(failing('SQLITE_CONSTRAINT_PRIMARYKEY'))).toThrow(SqliteError);
  expect(said).toEqual([]);
});

test('what works within a transaction that fails is no recovery', () => {
  const { breaker, said, time, failing } = setUp();
  const transact = () =>
    breaker.run(() => {
      breaker.run(() => 'step');
      failing('SQLITE_FULL')();
    });
  expect(transact).toThrow('the disk is full');
  time.now = 100;
  expect(transact).toThrow('the disk is full');
  expect(said).toEqual(['write SQLITE_FULL']);
});
