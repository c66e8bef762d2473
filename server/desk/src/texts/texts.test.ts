import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Catalogue } from '../../../dashboard/src/texts/texts.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const read = (language: string) =>
  JSON.parse(readFileSync(join(here, `${language}.json`), 'utf8')) as Catalogue;
const en = read('en');

/** Keys that the sources name in full. */
const named = readdirSync(join(here, '..'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.includes('.test.'))
  .map((name) => readFileSync(join(here, '..', name), 'utf8'))
  .flatMap((source) => [
    ...[...source.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key = '']) => key),
    ...[...source.matchAll(/'((?:end|sftp|files)\.\w+)'/g)].map(([, key = '']) => key),
  ]);

test('each language has every text, with the same places for values', () => {
  const places = (text = '') => [...new Set(text.match(/\{\w+\}/g))].sort();
  const de = read('de');
  expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort());
  for (const key of Object.keys(en)) expect(places(de[key]), key).toEqual(places(en[key]));
});

test('in the texts of a brand, none is mistaken for one of the dashboard', () => {
  const dashboard = readFileSync(join(here, '../../../dashboard/src/texts/en.json'), 'utf8');
  const theirs = new Set(Object.keys(JSON.parse(dashboard)));
  expect(Object.keys(en).filter((key) => theirs.has(`desk.${key}`))).toEqual([]);
});

test('every text that a page says is there', () => {
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((key) => !(key in en) && !(`${key}.other` in en))).toEqual([]);
});
