import { describe, expect, it } from 'vitest';
import { inUnit, type Unit } from './units.ts';

describe('inUnit', () => {
  it.each<[string, Unit, number | null]>([
    ['30s', 'seconds', 30],
    ['30 s', 'seconds', 30],
    ['5m', 'seconds', 300],
    ['1h', 'seconds', 3_600],
    ['2d', 'seconds', 172_800],
    ['1.5h', 'seconds', 5_400],
    ['1.1s', 'milliseconds', 1_100],
    ['500ms', 'milliseconds', 500],
    ['500ms', 'seconds', 0.5],
    ['0s', 'seconds', 0],
    ['64KiB', 'bytes', 65_536],
    ['1.5 MiB', 'bytes', 1_572_864],
    ['1GiB', 'bytes', 1_073_741_824],
    ['10kB', 'bytes', 10_000],
    ['1MB', 'bytes', 1_000_000],
    ['1GB', 'bytes', 1_000_000_000],
    ['4096B', 'bytes', 4_096],
    ['30', 'seconds', null],
    ['s', 'seconds', null],
    ['-1s', 'seconds', null],
    ['1e3s', 'seconds', null],
    ['1 minute', 'seconds', null],
    ['1M', 'bytes', null],
    ['64kib', 'bytes', null],
    ['64KiB', 'seconds', null],
    ['30s', 'bytes', null],
    ['30s', '', null],
  ])('takes %j in %s for %j', (text, unit, value) => {
    expect(inUnit(text, unit)).toBe(value);
  });
});
