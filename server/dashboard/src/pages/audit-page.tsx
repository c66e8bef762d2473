import { addressOf } from '../api/call.ts';
import type { LogRecord } from '../api/types.ts';
import { periodOf } from '../state/days.ts';
import { devicePath, navigate, place } from '../state/router.ts';
import { t } from '../texts/language.ts';
import { textOf } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { usePages } from '../ui/list.tsx';
import { detailsOf, eventName } from '../ui/log.tsx';
import { Table } from '../ui/table.tsx';
import { When } from '../ui/time.tsx';

const filters = ['user', 'device', 'event', 'since', 'until'] as const;

/** The audit log, with filters that stand in the address. */
export function AuditPage() {
  const fields = new URLSearchParams(place.value.search);
  const query: Record<string, string> = {};
  for (const name of [...filters, 'allowed']) {
    const value = fields.get(name);
    if (value) query[name] = value;
  }
  const asked = { ...query, ...periodOf(query) };
  const pages = usePages<LogRecord>('/audit', asked);
  const apply = (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const given = new FormData(form);
    const next = new URLSearchParams();
    for (const name of [...filters, 'allowed']) {
      const value = textOf(given, name);
      if (value) next.set(name, value);
    }
    const text = String(next);
    navigate(`/dashboard/audit${text && `?${text}`}`, true);
  };
  return (
    <>
      <div class="head">
        <h1>{t('audit.title')}</h1>
        <div class="actions">
          <a class="button" href={addressOf('/audit/export', asked)} download="audit.jsonl">
            <Icon name="download" />
            {t('audit.export')}
          </a>
        </div>
      </div>
      <form class="filters" key={place.value.search} onSubmit={apply} onChange={apply}>
        {filters.map((name) => (
          <label key={name} for={`filter-${name}`}>
            {t(`audit.${name}`)}
            {name === 'since' || name === 'until' ? (
              <input id={`filter-${name}`} name={name} type="date" defaultValue={query[name] ?? ''} />
            ) : (
              <input
                id={`filter-${name}`}
                name={name}
                type="search"
                maxLength={100}
                defaultValue={query[name] ?? ''}
              />
            )}
          </label>
        ))}
        <label>
          {t('audit.outcome')}
          <select name="allowed">
            {(['', 'true', 'false'] as const).map((value) => (
              <option key={value} value={value} selected={(query.allowed ?? '') === value}>
                {t(`audit.outcome.${value || 'all'}`)}
              </option>
            ))}
          </select>
        </label>
        {Object.keys(query).length > 0 && (
          <button type="button" class="button plain" onClick={() => navigate('/dashboard/audit', true)}>
            {t('filter.clear')}
          </button>
        )}
      </form>
      <Table
        pages={pages}
        keyOf={({ sequence, time }) => String(sequence ?? time)}
        empty={{ icon: 'audit', title: t('audit.none'), hint: <p class="muted">{t('audit.none.hint')}</p> }}
        columns={[
          { title: t('column.time'), cell: ({ time }) => <When time={time} /> },
          {
            title: t('audit.event'),
            cell: ({ event, allowed }) => (
              <>
                <span class="event">{eventName(event)}</span>{' '}
                {allowed === false && <span class="tag bad">{t('log.refused')}</span>}
              </>
            ),
          },
          { title: t('column.user'), cell: ({ user }) => user },
          {
            title: t('column.device'),
            cell: ({ device }) => device !== undefined && <a href={devicePath(device)}>{device}</a>,
          },
          { title: t('audit.details'), cell: (record) => <span class="muted">{detailsOf(record)}</span> },
        ]}
      />
    </>
  );
}
