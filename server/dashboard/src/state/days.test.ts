import { afterEach, beforeEach, expect, test } from 'vitest';
import { periodOf } from './days.ts';

const { TZ } = process.env;
beforeEach(() => {
  process.env.TZ = 'Europe/Berlin';
});
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
});

test.each([
  [
    'a day is whole, as days are here',
    { since: '2026-11-30', until: '2026-11-30' },
    { since: '2026-11-29T23:00:00.000Z', until: '2026-11-30T23:00:00.000Z' },
  ],
  [
    'a day has 25 hours when the clocks go back',
    { since: '2026-10-25', until: '2026-10-25' },
    { since: '2026-10-24T22:00:00.000Z', until: '2026-10-25T23:00:00.000Z' },
  ],
  ['of a month, the last day is in it', { until: '2026-12-31' }, { until: '2026-12-31T23:00:00.000Z' }],
  ['a time stays as it is', { since: '2026-11-30T08:00:00Z' }, { since: '2026-11-30T08:00:00Z' }],
  ['nothing is no filter', {}, {}],
])('%s', (_, given, asked) => expect(periodOf(given)).toEqual(asked));
