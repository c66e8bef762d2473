import { describe, expect, it } from 'vitest';
import { parseCommit } from './commit.mjs';

describe('the commit of a source archive', () => {
  it('is an id and a time', () => {
    const id = 'f5769b60b4c5d3f1f0b6ac5f3b50c4c2a1f0f7a3';
    expect(parseCommit(`${id} 1764349200\n`)).toEqual({ id, time: 1_764_349_200 });
  });

  it.each(['$Format:%H %ct$', '', 'f5769b6 1764349200'])(
    'is unknown where git has not written it: %j',
    (words) => {
      expect(parseCommit(words)).toEqual({ id: '', time: 0 });
    },
  );
});
