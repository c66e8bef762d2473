import { expect, test } from 'vitest';
import { hasTrigram, likeContains, searchWords, trigramExpression } from './search-text.ts';

test.each([
  ['', []],
  ['  \n ', []],
  ['Berlin', [['berlin']]],
  ['a b a', [['a'], ['b']]],
  ['x\0y', [['x'], ['y']]],
  ['Ärger', [['Ärger', 'ärger', 'Ärger'.toUpperCase().replace(/[A-Z]/g, (l) => l.toLowerCase())]]],
  ['1 2 3 4 5 6 7 8 9', ['1', '2', '3', '4', '5', '6', '7', '8'].map((word) => [word])],
])('the words of %j', (text, spellings) => {
  expect(searchWords(text).map((word) => word.spellings)).toEqual(spellings.map((all) => [...new Set(all)]));
});

test('a search has at most a hundred characters', () => {
  expect(searchWords('x'.repeat(150))[0]?.folded).toHaveLength(100);
});

test.each([
  ['ab', null],
  ['abc', '"abc"'],
  ['abcd', '"abc" AND "bcd"'],
  ['ab cde', '"cde"'],
  ['a"b', '"a""b"'],
  ['𝒳𝒴𝒵', '"𝒳𝒴𝒵"'],
])('the trigrams of %j', (text, expression) => {
  expect(trigramExpression(searchWords(text))).toBe(expression);
});

test('a long word is looked for by its ends and some of its middle', () => {
  const word = Array.from({ length: 80 }, (_, n) => String.fromCharCode(0x4e00 + n)).join('');
  const expression = trigramExpression(searchWords(word)) ?? '';
  const trigrams = expression.split(' AND ');
  expect(trigrams).toHaveLength(12);
  expect([trigrams[0], trigrams.at(-1)]).toEqual([`"${word.slice(0, 3)}"`, `"${word.slice(-3)}"`]);
});

test.each([
  ['gw', false],
  ['gw-1', false],
  ['gw-100', true],
  ['ärger', true],
  ['北京市', false],
])('an index of letters and digits helps with %j: %j', (text, helps) => {
  expect(hasTrigram(text)).toBe(helps);
});

test('what a pattern means otherwise stands for itself', () => {
  expect(likeContains(String.raw`100%_\x`)).toBe(String.raw`%100\%\_\\x%`);
});
