import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreError } from '../ports/store.ts';
import { DataFileLock } from './data-file-lock.ts';

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-reflector-lock-'));
  data = join(folder, 'state', 'reflector.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('one reflector has a data file, until it lets go', () => {
  expect(DataFileLock.isHeld(data)).toBe(false);
  const lock = DataFileLock.take(data);
  expect(DataFileLock.isHeld(data)).toBe(true);
  expect(() => DataFileLock.take(data)).toThrow(StoreError);
  expect(() => DataFileLock.take(data)).toThrow(`data file ${data}: another reflector is using it`);
  lock.release();
  lock.release();
  expect(DataFileLock.isHeld(data)).toBe(false);
  DataFileLock.take(data).release();
  expect(statSync(`${data}-lock`).mode & 0o777).toBe(0o600);
});

test('to look at the lock does not take it, and makes no file', () => {
  expect([DataFileLock.isHeld(data), DataFileLock.isHeld(data)]).toEqual([false, false]);
  expect(() => statSync(`${data}-lock`)).toThrow(/ENOENT/);
});

test('a link to the data file, or to its folder, is another name of the same one', () => {
  mkdirSync(join(folder, 'state'));
  writeFileSync(data, '');
  symlinkSync(data, join(folder, 'link.sqlite'));
  symlinkSync(join(folder, 'state'), join(folder, 'linked'));
  const names = [join(folder, 'link.sqlite'), join(folder, 'linked', 'reflector.sqlite')];
  const lock = DataFileLock.take(data);
  for (const name of names) {
    expect(DataFileLock.isHeld(name)).toBe(true);
    expect(() => DataFileLock.take(name)).toThrow('another reflector is using it');
  }
  lock.release();
  const byLink = DataFileLock.take(names[0] ?? '');
  expect(DataFileLock.isHeld(data)).toBe(true);
  byLink.release();
});

test('a lock whose file is deleted is taken again at once', async () => {
  const lock = DataFileLock.take(data);
  try {
    for (let round = 0; round < 2; round++) {
      const told = new Promise<StoreError | null>((resolve) => lock.keep(resolve));
      rmSync(`${data}-lock`);
      expect(await told).toBe(null);
      expect(DataFileLock.isHeld(data)).toBe(true);
      expect(() => DataFileLock.take(data)).toThrow('another reflector is using it');
    }
  } finally {
    lock.release();
  }
  expect(DataFileLock.isHeld(data)).toBe(false);
});

test('a lock that somebody else has taken meanwhile is told of', async () => {
  const lock = DataFileLock.take(data);
  const told = new Promise<StoreError | null>((resolve) => lock.keep(resolve));
  rmSync(`${data}-lock`);
  const other = DataFileLock.take(data);
  try {
    expect((await told)?.message).toBe(`data file ${data}: another reflector is using it`);
  } finally {
    lock.release();
    other.release();
  }
});
