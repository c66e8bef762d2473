/** What an integer of the configuration counts; `''`: just things. */
export type Unit = '' | 'seconds' | 'milliseconds' | 'bytes';

/** In milliseconds. */
const times: readonly (readonly [suffix: string, factor: number])[] = [
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
];

/** In bytes: IEC 80000-13 for powers of 1,024, SI for powers of 1,000. */
const sizes: readonly (readonly [suffix: string, factor: number])[] = [
  ['B', 1],
  ['kB', 1_000],
  ['KiB', 1_024],
  ['MB', 1_000_000],
  ['MiB', 1_048_576],
  ['GB', 1_000_000_000],
  ['GiB', 1_073_741_824],
];

/** What a value with a suffix looks like, as the source of a regular expression. */
export function pattern(unit: Unit): string {
  const suffixes = (unit === 'bytes' ? sizes : times).map(([suffix]) => suffix);
  return `^(\\d{1,12}(?:\\.\\d{1,3})?) ?(${suffixes.join('|')})$`;
}

/** For error messages. */
export function example(unit: Unit): string {
  return unit === 'bytes' ? 'a size such as "64KiB"' : 'a duration such as "30s"';
}

/** `text`, such as `1.5h` or `64KiB`, in this unit; `null` when it is no such value. Not always an integer. */
export function inUnit(text: string, unit: Unit): number | null {
  const [, count, suffix] = (unit !== '' && new RegExp(pattern(unit)).exec(text)) || [];
  const factor = (unit === 'bytes' ? sizes : times).find(([name]) => name === suffix)?.[1];
  if (count === undefined || factor === undefined) return null;
  // In thousandths first, because 1.1 * 1000 is not 1100.
  return (Math.round(Number(count) * 1_000) * factor) / (unit === 'seconds' ? 1_000_000 : 1_000);
}
