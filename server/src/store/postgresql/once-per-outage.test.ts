import { expect, test } from 'vitest';
import { oncePerOutage } from './once-per-outage.ts';

test('of several that tell of an outage, the first is heard, and the first that it is over; all else is heard', () => {
  const lines: string[] = [];
  const warn = oncePerOutage((text) => lines.push(text));
  warn('TLS is off');
  for (const pool of [1, 2, 3]) warn(`away ${pool}`, 'begun');
  warn('a search is slow');
  for (const pool of [3, 1, 2]) warn(`back ${pool}`, 'over');
  warn('away again', 'begun');
  expect(lines).toEqual(['TLS is off', 'away 1', 'a search is slow', 'back 3', 'away again']);
});
