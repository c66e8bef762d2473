const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Waits after the first, second… attempt that failed: three days in all, as Standard Webhooks proposes. */
const waits = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** Milliseconds until the next attempt after so many; `null`: no more. Between 80 and 120 % of the plan. `random`: 0 to 1. */
export function waitAfter(attempts: number, random: number): number | null {
  const wait = waits[attempts - 1];
  return wait === undefined ? null : Math.round(wait * (0.8 + 0.4 * random));
}

/** Milliseconds for which a receiver is left alone after so many failures in a row, whatever else waits for it. */
export function pauseAfter(failures: number, most: number, random: number): number {
  return Math.round(Math.min(second * 2 ** (failures - 1), most) * (0.8 + 0.4 * random));
}

/** `Retry-After` (RFC 9110 section 10.2.3) in ms, at most `most`; 0: there is none. `now`: wall-clock ms. */
export function askedPause(header: string | null, now: number, most: number): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * second : Date.parse(header) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), most);
}
