/** Ports as people type them: `web`, numbers with commas, or nothing for all. `undefined`: it is none of these. */
export function readPorts(text: string): 'web' | readonly number[] | null | undefined {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0) return null;
  if (words.length === 1 && words[0]?.toLowerCase() === 'web') return 'web';
  const ports = words.map(Number);
  return ports.every((port) => Number.isInteger(port) && port >= 1 && port <= 65_535) ? ports : undefined;
}

/** What `<input type="datetime-local">` gives, as RFC 3339; `null` for nothing. */
export function readLocalTime(text: string): string | null {
  return text === '' ? null : new Date(text).toISOString();
}

const two = (n: number) => String(n).padStart(2, '0');
const localDay = (day: Date) => `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;

/** A time as `<input type="datetime-local">` takes it, to the minute; `''` for none. */
export function localTime(time: string | null): string {
  if (time === null) return '';
  const day = new Date(time);
  return `${localDay(day)}T${two(day.getHours())}:${two(day.getMinutes())}`;
}

/** The end of the day of `now` (wall-clock ms), for `<input type="datetime-local">`. */
export function tonight(now: number): string {
  return `${localDay(new Date(now))}T23:59`;
}
