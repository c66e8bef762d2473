import { expect, test } from 'vitest';
import { chaos } from '../testing/chaos/chaos.ts';
import { commandFor } from '../testing/chaos/repeat.ts';

const runs = 1_000;

test('a thousand runs of random faults break no promise of the nodes', async () => {
  // Not those of `chaos.test.ts`.
  for (let seed = 1_001; seed < 1_001 + runs; seed++)
    expect((await chaos(seed)).violation, commandFor(seed)).toBeNull();
});
