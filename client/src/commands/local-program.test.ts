import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findProgram, quoted } from './local-program.ts';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-local-program-'));
  for (const [place, name, mode] of [
    ['a', 'ssh', 0o644],
    ['b', 'ssh', 0o755],
    ['b', 'vnc.exe', 0o755],
  ] as const) {
    mkdirSync(join(folder, place), { recursive: true });
    writeFileSync(join(folder, place, name), '', { mode });
  }
  path = ['a', 'b'].map((place) => join(folder, place)).join(delimiter);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a program is found in the first place where it may be run', () => {
  expect(findProgram(['none', 'ssh'], path, false)).toBe(join(folder, 'b/ssh'));
  expect(findProgram([join(folder, 'b/ssh')], '', false)).toBe(join(folder, 'b/ssh'));
  expect(findProgram(['vnc'], path, false)).toBeNull();
});

test('on Windows it has the ending of an executable, whether that is said or not', () => {
  expect(findProgram(['vnc'], path, true)).toBe(join(folder, 'b/vnc.exe'));
  expect(findProgram(['vnc.exe'], path, true)).toBe(join(folder, 'b/vnc.exe'));
  expect(findProgram([join(folder, 'b/vnc')], '', true)).toBe(join(folder, 'b/vnc.exe'));
  expect(findProgram(['ssh'], path, true)).toBeNull();
});

test('a word of a command is quoted as the system reads it', () => {
  expect(quoted("it's", false)).toBe("'it'\\''s'");
  expect(quoted('C:\\Program Files\\nodejs\\node.exe', true)).toBe('"C:\\Program Files\\nodejs\\node.exe"');
});
