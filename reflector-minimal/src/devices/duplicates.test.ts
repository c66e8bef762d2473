import { expect, test } from 'vitest';
import { DuplicateDetector } from './duplicates.ts';

const minute = 60_000;

test('the second living, replaced peer within ten minutes tells', () => {
  const detector = new DuplicateDetector();
  expect(detector.alive('a', 0)).toBe(false);
  expect(detector.alive('b', 5 * minute)).toBe(false);
  expect(detector.alive('a', 10 * minute)).toBe(true);
  expect(detector.alive('b', 15 * minute + 1)).toBe(false);
  expect(detector.alive('a', 20 * minute)).toBe(true);
});
