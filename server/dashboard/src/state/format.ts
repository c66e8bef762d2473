const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** Bytes as people say them, such as "1.2 MB". Powers of 1,000. */
export function bytes(locale: string, n: number): string {
  let unit = 0;
  let value = n;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: units[unit] ?? 'byte',
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: unit > 0 && value < 100 ? 1 : 0,
  }).format(value);
}

/** Date and time in the zone of the browser. */
export function dateTime(locale: string, time: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time));
}

/** A text in which times, as the API writes them, are those of the browser. */
export function withTimes(locale: string, text: string): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z/g, (time) =>
    // A device may send what only looks like a time.
    Number.isNaN(Date.parse(time)) ? time : dateTime(locale, time),
  );
}

export function day(locale: string, time: string): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(time));
}

export function count(locale: string, n: number): string {
  return new Intl.NumberFormat(locale).format(n);
}

const steps: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "5 minutes ago"; days are those of the calendar, in the zone of the browser. `now`: wall-clock ms. */
export function ago(locale: string, time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1_000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) < length) continue;
    return format.format(
      unit === 'day' ? daysFrom(now, Date.parse(time)) : Math.trunc(seconds / length),
      unit,
    );
  }
  return format.format(0, 'minute');
}

/** Midnights between two times. */
function daysFrom(time: number, other: number): number {
  const [from, to] = [time, other].map((one) => new Date(one).setHours(0, 0, 0, 0)) as [number, number];
  // A day on which the clocks change has another length.
  return Math.round((to - from) / 86_400_000);
}

/** "3 h 20 min" of milliseconds; "< 1 min". */
export function duration(locale: string, ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(minutes / 1_440), 'day'],
    [Math.floor(minutes / 60) % 24, 'hour'],
    [minutes % 60, 'minute'],
  ];
  const said = parts.filter(([value]) => value > 0).slice(0, 2);
  const text = (said.length > 0 ? said : ([[1, 'minute']] as const))
    .map(([value, unit]) =>
      new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(value),
    )
    .join(' ');
  return said.length > 0 ? text : `< ${text}`;
}
