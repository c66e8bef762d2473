import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultLimits } from './limits.ts';

test('every bound is a positive number', () => {
  for (const [name, value] of Object.entries(defaultLimits)) expect([name, value > 0]).toEqual([name, true]);
});

test('every bound is broken by a test that is named after it', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const titles = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    // Titles of tests and of the rows of their tables: a name, or several, before a colon.
    .flatMap((text) => [...text.matchAll(/['"`]([A-Za-z, ]+): .*['"`],/g)].map(([, names]) => names ?? ''))
    .flatMap((names) => names.split(', '));
  expect(Object.keys(defaultLimits).filter((name) => !titles.includes(name))).toEqual([]);
});
