import { expect, test } from 'vitest';
import { chaos } from '../testing/chaos/chaos.ts';
import { commandFor } from '../testing/chaos/repeat.ts';

/** `chaos.long.test.ts` and `npm run chaos` run more of them. */
const seeds = [1, 2, 3, 4, 5];

test('nodes keep their promises whatever befalls them and their database', async () => {
  const seen = { requests: 0, answers: 0, relayed: 0, revoked: 0, tunnels: 0, evictions: 0 };
  for (const seed of seeds) {
    const report = await chaos(seed);
    expect(report.violation, commandFor(seed)).toBeNull();
    for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] += report.seen[what];
  }
  // A world in which nothing happens keeps every promise.
  expect(Object.entries(seen).filter(([, count]) => count === 0)).toEqual([]);
});

test('a seed is one run', async () => {
  expect(await chaos(6)).toEqual(await chaos(6));
});
