import { describe, expect, it } from 'vitest';
import { OutageNews } from './repeat-filter.ts';

const DAY = 86_400_000;

describe('news of an outage', () => {
  it('is each reason once a day, however they alternate', () => {
    const news = new OutageNews();
    let told = 0;
    for (let minute = 0; minute < 7 * 1440; minute++) {
      if (news.isNews(minute % 2 === 0 ? 'refused' : 'no answer', DAY + minute * 60_000)) told++;
    }
    expect(told).toBe(14);
  });

  it('is no more than eight reasons a day', () => {
    const news = new OutageNews();
    const told = Array.from({ length: 1000 }, (_, i) => news.isNews(`reason ${i}`, DAY)).filter(Boolean);
    expect(told).toHaveLength(8);
    expect(news.isNews('reason 999', 2 * DAY)).toBe(true);
  });

  it('begins anew with the next outage', () => {
    const news = new OutageNews();
    expect([news.isNews('a', DAY), news.isNews('a', DAY)]).toEqual([true, false]);
    news.end();
    expect(news.isNews('a', DAY)).toBe(true);
  });
});
