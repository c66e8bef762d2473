import type { Connection, TrafficDay } from '../api/types.ts';

export interface Bar {
  readonly day: string;
  readonly from: number;
  readonly to: number;
}

const dayMs = 86_400_000;

/** Days up to `now` (wall-clock ms, UTC), with nothing where there was no traffic. */
export function trafficBars(days: readonly TrafficDay[], now: number, length: number): Bar[] {
  const known = new Map(days.map((day) => [day.day, day]));
  return Array.from({ length }, (_, i) => {
    const day = new Date(now - (length - 1 - i) * dayMs).toISOString().slice(0, 10);
    const found = known.get(day);
    return { day, from: found?.bytesFrom ?? 0, to: found?.bytesTo ?? 0 };
  });
}

/** A round number at or above `n`: 1, 2 or 5 times a power of ten. */
export function roundAbove(n: number): number {
  if (n <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(n));
  return ([1, 2, 5, 10].find((step) => step * power >= n) ?? 10) * power;
}

export interface Span {
  /** From 0, the beginning, to 1, now. */
  readonly start: number;
  readonly end: number;
}

/** When the device was on line within the last `ms`. A connection whose end nobody has seen ends where the next begins, or at once. */
export function onlineSpans(connections: readonly Connection[], now: number, ms: number): Span[] {
  const begin = now - ms;
  const place = (time: number) => Math.max(0, Math.min(1, (time - begin) / ms));
  return connections
    .map(({ began, ended, live }) => ({
      start: place(Date.parse(began)),
      end: place(live ? now : ended === null ? Date.parse(began) : Date.parse(ended)),
    }))
    .filter(({ end }) => end > 0)
    .toSorted((a, b) => a.start - b.start);
}

/** How much of the time the spans cover, from 0 to 1. */
export function covered(spans: readonly Span[]): number {
  let sum = 0;
  let reached = 0;
  for (const { start, end } of spans) {
    sum += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return sum;
}
