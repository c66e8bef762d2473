import type { LogRecord } from '../api/types.ts';
import { bytes, count, duration, withTimes } from '../state/format.ts';
import { hasText, locale, t } from '../texts/language.ts';
import { When } from './time.tsx';

/** The kind of a record: in words where it has some, else as it is called. A sum (`upgrades`) is called as its kind. */
export function eventName(event: string): string {
  const key = [event, event.replace(/s$/, '')].map((kind) => `event.${kind}`).find(hasText);
  return key === undefined ? event : t(key);
}

/** What a record says beside who, when and what. */
export function detailsOf(record: LogRecord): string {
  const { address, port, by, operator, detail, reason, times, bytesFrom, bytesTo, ms } = record;
  const payload = (bytesFrom ?? 0) + (bytesTo ?? 0);
  return [
    port === undefined ? '' : t('whoIsOn.port', { port: String(port) }),
    withTimes(locale(), detail ?? ''),
    withTimes(locale(), reason ?? ''),
    times !== undefined && times > 1 ? `${count(locale(), times)} ×` : '',
    payload > 0 ? bytes(locale(), payload) : '',
    ms === undefined || ms < 60_000 ? '' : duration(locale(), ms),
    address ?? '',
    by ?? '',
    operator ?? '',
  ]
    .filter((text) => text !== '')
    .join(' · ');
}

export function Log({ records }: { readonly records: readonly LogRecord[] }) {
  return (
    <ol class="log">
      {records.map((record, i) => (
        <li key={record.sequence ?? `${record.time} ${i}`}>
          <When time={record.time} />
          <span>
            <strong class={record.allowed === false ? 'refused' : ''}>
              {eventName(record.event)}
              {record.allowed === false && ` (${t('log.refused')})`}
            </strong>
            {record.user !== undefined && ` ${record.user}`} <span class="muted">{detailsOf(record)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
