import { expect, test } from 'vitest';
import { completed, lastTag, readTags } from './tag-text.ts';

test('tags have commas between, and each counts once', () => {
  expect(readTags(' red, blue ,red,, ')).toEqual(['red', 'blue']);
});

test('the last one is completed, the others stay', () => {
  expect(['', 're', 'red, bl', 'red,'].map(lastTag)).toEqual(['', 're', 'bl', '']);
  expect(['re', 'red, bl', 'red,'].map((text) => completed(text, 'blue'))).toEqual([
    'blue',
    'red, blue',
    'red, blue',
  ]);
});
