import { expect, test } from 'vitest';
import { keysymOf, typedBetween } from './typed.ts';

test.each([
  ['', '', 0, ''],
  ['', 'a', 0, 'a'],
  ['ab', 'a', 1, ''],
  ['teh', 'the ', 2, 'he '],
  ['x', 'xö😀', 0, 'ö😀'],
  ['😀', '', 1, ''],
  ['\ud83d\ude00', '\ud83d\ude01', 1, '\ud83d\ude01'],
])('from %j to %j', (before, after, removed, added) => {
  expect(typedBetween(before, after)).toEqual({ removed, added });
});

test.each([
  ['a', 0x61],
  ['~', 0x7e],
  ['ä', 0xe4],
  ['\n', 0xff0d],
  ['\t', 0xff09],
  ['€', 0x0100_20ac],
  ['я', 0x0100_044f],
  ['😀', 0x0101_f600],
])('%j has the keysym %i', (character, keysym) => {
  expect(keysymOf(character)).toBe(keysym);
});
