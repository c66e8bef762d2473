import { ago, dateTime } from '../state/format.ts';
import { now } from '../state/session.ts';
import { locale, t } from '../texts/language.ts';

/** "5 minutes ago"; the date is in its title. */
export function Ago({ time }: { readonly time: string }) {
  return (
    <time class="nowrap" dateTime={time} title={dateTime(locale(), time)}>
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

/** When a right or a key ends, and whether it has; `null`: never. */
export function Until({ time }: { readonly time: string | null }) {
  if (time === null) return t('grants.always');
  if (Date.parse(time) < now.value) return <span class="tag warn">{t('grants.over')}</span>;
  return <When time={time} />;
}
