import { describe, expect, it } from 'vitest';
import { placeHolder, stamp } from './stamp.mjs';

describe('the commit in an executable', () => {
  it.each(['0123456789ab', '0123456789ab-dirty'])('%s takes the place that was kept for it', (commit) => {
    const executable = Buffer.from(`before\0${placeHolder}\0after`);
    const length = executable.length;
    stamp(executable, commit);
    expect(executable.length).toBe(length);
    expect(executable.toString().split('\0').filter(Boolean)).toEqual(['before', commit, 'after']);
  });

  it('needs exactly one place, and fits into it', () => {
    expect(() => stamp(Buffer.from('nothing'), 'x')).toThrow('has not one place');
    expect(() => stamp(Buffer.from(placeHolder + placeHolder), 'x')).toThrow('has not one place');
    expect(() => stamp(Buffer.from(placeHolder), 'x'.repeat(19))).toThrow('too long');
  });
});
