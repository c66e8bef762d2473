import * as format from '../../../dashboard/src/state/format.ts';
import { locale } from '../texts/language.ts';

/** Bytes as people say them, such as "1.2 MB". */
export const bytes = (n: number): string => format.bytes(locale(), n);

/** `seconds` since 1970, in the zone of the browser. */
export const dateTime = (seconds: number): string =>
  format.dateTime(locale(), new Date(seconds * 1_000).toISOString());

/** A time that is left, such as "3 min". */
export function timeLeft(seconds: number): string {
  const [value, unit] =
    seconds < 60
      ? [Math.ceil(seconds), 'second']
      : seconds < 3_600
        ? [Math.ceil(seconds / 60), 'minute']
        : [Math.ceil(seconds / 3_600), 'hour'];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'short' }).format(value);
}
