import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Catalogue, chosenLanguage, localeOf, Texts } from './texts.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const catalogue = (language: string) =>
  JSON.parse(readFileSync(join(here, `${language}.json`), 'utf8')) as Catalogue;
const languages = readdirSync(here)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -5));
const en = catalogue('en');

/** Keys that the sources name in full. */
const named = readdirSync(join(here, '..'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name) && !name.includes('.test.'))
  .flatMap((name) => [...readFileSync(join(here, '..', name), 'utf8').matchAll(/\bt\(\s*'([^']+)'/g)])
  .map(([, key = '']) => key);

describe.each(languages)('%s', (language) => {
  const texts = catalogue(language);

  test('has every text, with the same places for values', () => {
    const places = (text = '') => [...new Set(text.match(/\{\w+\}/g))].sort();
    expect(Object.keys(texts).sort()).toEqual(Object.keys(en).sort());
    for (const key of Object.keys(en)) expect(places(texts[key]), key).toEqual(places(en[key]));
    expect(Object.entries(texts).filter(([, text]) => text.trim() !== text || text === '')).toEqual([]);
  });

  test('has every text that a page says', () => {
    expect(named.length).toBeGreaterThan(200);
    expect([...new Set(named)].filter((key) => !(key in texts) && !(`${key}.other` in texts))).toEqual([]);
  });
});

describe('texts', () => {
  const texts = new Texts('en', { a: 'A {x} {y}', 'n.one': '{n} thing', 'n.other': '{n} things' });

  test('have values put in, and count', () => {
    expect(texts.say('a', { x: 'X' })).toBe('A X {y}');
    expect([texts.say('n', { n: 1 }), texts.say('n', { n: 1_234 })]).toEqual(['1 thing', '1,234 things']);
  });

  test('a key that is missing is said as it is, also one of every object', () => {
    expect([texts.say('constructor'), texts.has('constructor')]).toEqual(['constructor', false]);
    expect(texts.say('a', { x: '{y}', y: '{x}' })).toBe('A {y} {x}');
  });

  test('are in the first language that somebody wants', () => {
    expect(chosenLanguage(['fr-CH', 'de-CH', 'en'], ['en', 'de'], 'en')).toBe('de');
    expect(chosenLanguage(['fr'], ['en', 'de'], 'en')).toBe('en');
  });

  test('have numbers as in the region of the browser, whatever language somebody has chosen', () => {
    expect(localeOf('de', ['en-GB', 'de-AT', 'de'])).toBe('de-AT');
    expect(localeOf('de', ['en-GB'])).toBe('de');
    // Filipino is not Finnish.
    expect(localeOf('fi', ['fil-PH', 'fi-FI'])).toBe('fi-FI');
    const swiss = new Texts('de', { 'n.other': '{n} Dinge' }, localeOf('de', ['de-CH']));
    // The apostrophe depends on the version of the CLDR.
    expect(swiss.say('n', { n: 12_345 })).toMatch(/^12['’]345 Dinge$/);
  });
});
