import { ago, dateTime } from '../state/format.ts';
import { now } from '../state/session.ts';
import { locale } from '../texts/language.ts';

/** "5 minutes ago"; the date is in its title. */
export function Ago({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={dateTime(locale(), time)}>
      {ago(locale(), time, now.value)}
    </time>
  );
}

export function When({ time }: { readonly time: string }) {
  return (
    <time class="nowrap" dateTime={time}>
      {dateTime(locale(), time)}
    </time>
  );
}
