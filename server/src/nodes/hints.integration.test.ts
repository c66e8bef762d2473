import { expect, test } from 'vitest';
import { connectionOf } from '../store/postgresql/connection.ts';
import { Hints } from './hints.ts';

test('nodes that have lost the database together do not all come back together: each waits for a time of its own', async () => {
  const { config } = connectionOf({ url: 'postgresql://rm@%2Fnowhere/rm' });
  /** How long it waits when the share of the time that is left to chance is this one. */
  const waits = async (random: number): Promise<number[]> => {
    const waited: number[] = [];
    await new Promise<void>((resolve) => {
      const hints: Hints = new Hints({
        ...{ config, connectMs: 60_000, limits: { retryMs: 1_000, hintRetryMs: 3_000 }, heard: () => {} },
        random: () => random,
        clock: {
          now: () => 0,
          date: () => 0,
          schedule: (ms, run) => {
            waited.push(ms);
            if (waited.length < 4) setImmediate(run);
            else {
              hints.close();
              resolve();
            }
            return { cancel: () => {} };
          },
        },
      });
    });
    return waited;
  };
  expect(await waits(0)).toEqual([500, 1_000, 1_500, 1_500]);
  expect(await waits(1)).toEqual([1_000, 2_000, 3_000, 3_000]);
});
