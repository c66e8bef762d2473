import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fileFault } from './file-fault.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rm-file-fault-'));
  writeFileSync(join(folder, 'file'), 'text');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each<[string, () => unknown]>([
  ['no such file or directory', () => readFileSync(join(folder, 'missing'))],
  ['no such file or directory', () => readFileSync(join(folder, 'file', 'below'))],
  ['exists already', () => openSync(join(folder, 'file'), 'wx')],
  ['is a directory', () => readFileSync(folder)],
  ['unsupported', () => createPrivateKey(readFileSync(join(folder, 'file')))],
  [
    'of our own',
    () => {
      throw new Error('of our own');
    },
  ],
])('%s', (words, fails) => {
  let found: unknown;
  try {
    fails();
  } catch (error) {
    found = error;
  }
  expect(fileFault(found)).toBe(words);
});
