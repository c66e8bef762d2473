import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../system-clock.ts';
import { AuditFile } from './file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-audit-'));
  path = join(folder, 'audit.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const limits = { auditFileBytes: 20, auditFiles: 2 };

test('its mode is 0600, also where the file was there with another one', () => {
  writeFileSync(path, 'before\n', { mode: 0o644 });
  const file = new AuditFile(path, limits, systemClock);
  file.write('after\n');
  file.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe('before\nafter\n');
});

test('auditFileBytes, auditFiles: the file is renamed before it grows beyond, and the oldest goes', () => {
  const file = new AuditFile(path, limits, systemClock);
  for (let i = 0; i < 20; i++) file.write(`line ${i}\n`);
  file.close();
  expect(readdirSync(folder).sort()).toEqual(['audit.log', 'audit.log.1', 'audit.log.2']);
  const kept = ['.2', '.1', ''].map((end) => readFileSync(`${path}${end}`, 'utf8'));
  expect(kept).toEqual(['line 14\nline 15\n', 'line 16\nline 17\n', 'line 18\nline 19\n']);
  for (const end of ['', '.1', '.2']) expect(statSync(`${path}${end}`).mode & 0o777).toBe(0o600);
});

test('a line longer than the bound has a file for itself', () => {
  const file = new AuditFile(path, limits, systemClock);
  file.write('a\n');
  file.write(`${'b'.repeat(50)}\n`);
  file.write('c\n');
  file.close();
  expect(readFileSync(`${path}.1`, 'utf8')).toBe(`${'b'.repeat(50)}\n`);
  expect(readFileSync(path, 'utf8')).toBe('c\n');
});

test('what was cut short, by a power cut for example, does not swallow the next line', () => {
  writeFileSync(path, '{"half');
  const file = new AuditFile(path, limits, systemClock);
  file.write('next\n');
  file.close();
  expect(readFileSync(path, 'utf8')).toBe('{"half\nnext\n');
});

test('moved away by another program, it is begun anew after close', () => {
  const file = new AuditFile(path, limits, systemClock);
  file.write('1\n');
  renameSync(path, `${path}.moved`);
  file.write('2\n');
  file.close();
  file.write('3\n');
  file.close();
  expect(readFileSync(`${path}.moved`, 'utf8')).toBe('1\n2\n');
  expect(readFileSync(path, 'utf8')).toBe('3\n');
});

test('what is no file is refused, and its mode stays', () => {
  expect(() => new AuditFile('/dev/null', limits, systemClock)).toThrow('/dev/null: must be a regular file');
  expect(statSync('/dev/null').mode & 0o777).toBe(0o666);
  expect(() => new AuditFile(folder, limits, systemClock)).toThrow(`${folder}: is a directory`);
});

test('a file that cannot be opened says so at once', () => {
  expect(() => new AuditFile(join(folder, 'none', 'audit.log'), limits, systemClock)).toThrow(
    'audit.log: no such file or directory',
  );
});

test('what is newer than it is to be kept is not removed, however much there is', () => {
  const path = join(folder, 'kept.log');
  const line = `${'x'.repeat(60)}\n`;
  const file = new AuditFile(path, { auditFileBytes: 100, auditFiles: 2 }, systemClock, 60_000);
  for (let n = 0; n < 8; n++) file.write(line);
  const names = () => readdirSync(folder).filter((name) => name.startsWith('kept.log')).length;
  expect(names()).toBe(8);
  for (const n of [5, 6, 7]) utimesSync(`${path}.${n}`, 1, 1);
  file.write(line);
  file.close();
  expect(names()).toBe(6);
});
