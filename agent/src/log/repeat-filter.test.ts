import { describe, expect, it } from 'vitest';
import { RepeatFilter } from './repeat-filter.ts';

const DAY = 86_400_000;

describe('filter of an outage', () => {
  it('is each reason once a day, however they alternate', () => {
    const filter = new RepeatFilter();
    let passed = 0;
    for (let minute = 0; minute < 7 * 1440; minute++) {
      if (filter.isNew(minute % 2 === 0 ? 'refused' : 'no answer', DAY + minute * 60_000)) passed++;
    }
    expect(passed).toBe(14);
  });

  it('is no more than eight reasons a day', () => {
    const filter = new RepeatFilter();
    const passed = Array.from({ length: 1000 }, (_, i) => filter.isNew(`reason ${i}`, DAY)).filter(Boolean);
    expect(passed).toHaveLength(8);
    expect(filter.isNew('reason 999', 2 * DAY)).toBe(true);
  });

  it('is not blind to a reason of another kind behind many of one', () => {
    const filter = new RepeatFilter();
    for (let i = 0; i < 1000; i++) filter.isNew(`no answer from 192.0.2.${i}`, DAY, 'fault');
    expect([
      filter.isNew('401 revoked', DAY, 'refusal'),
      filter.isNew('401 revoked', DAY, 'refusal'),
    ]).toEqual([true, false]);
    expect([filter.isNew('403', DAY, 'refusal'), filter.isNew('another', DAY, 'fault')]).toEqual([
      false,
      false,
    ]);
  });

  it('begins anew with the next outage', () => {
    const filter = new RepeatFilter();
    expect([filter.isNew('a', DAY), filter.isNew('a', DAY)]).toEqual([true, false]);
    filter.end();
    expect(filter.isNew('a', DAY)).toBe(true);
  });
});
