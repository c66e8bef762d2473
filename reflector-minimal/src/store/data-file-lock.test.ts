import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFileLock } from './data-file-lock.ts';
import { StoreError } from './unavailable.ts';

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
  expect(() => DataFileLock.take(data)).toThrow(`data file ${data}: another rm-reflector is using it`);
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
