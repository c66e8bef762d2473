import { expect, test } from 'vitest';
import { freeDescriptors, withinDescriptors } from './descriptors.ts';
import { defaultLimits } from './limits.ts';

test.each([
  [null, 20_000, 16_000],
  [1_000_000, 20_000, 16_000],
  [20_064, 20_000, 16_000],
  [1_064, 1_000, 800],
  [70, 6, 4],
  [10, 1, 1],
])('%j free descriptors are for %i connections, %i of them devices', (free, connections, tunnels) => {
  expect(withinDescriptors(defaultLimits, free)).toEqual({ ...defaultLimits, connections, tunnels });
});

test('smaller bounds stay', () => {
  const limits = { ...defaultLimits, connections: 10, tunnels: 20 };
  expect(withinDescriptors(limits, 1_000)).toBe(limits);
});

test('the system says how many there are', () => {
  const free = freeDescriptors();
  expect(free === null || free > 0).toBe(true);
});
