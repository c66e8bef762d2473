import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { all } from '../../api/call.ts';
import type { Domain, ListedDevice } from '../../api/types.ts';
import {
  knownColumns,
  mostColumns,
  mostProperties,
  propertiesOf,
  propertyColumn,
  propertyOf,
  toggleColumn,
} from '../../state/columns.ts';
import {
  type DeviceQuery,
  isFiltered,
  readDeviceQuery,
  wholeList,
  writeDeviceQuery,
} from '../../state/device-query.ts';
import type { PagedList } from '../../state/paged-list.ts';
import { useResource } from '../../state/resource.ts';
import { choose, preferences } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { textOf } from '../../ui/field.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Menu } from '../../ui/menu.tsx';
import { failed } from '../../ui/toast.tsx';

/** Pause after the last key before the server is asked. */
const typingMs = 120;
const mostViews = 30;
/** Tags that the filter offers. */
const mostTags = 1_000;

export interface ToolbarProps {
  readonly query: DeviceQuery;
  readonly show: (query: DeviceQuery) => void;
  readonly domains: readonly Domain[];
  readonly columns: readonly string[];
  readonly list: PagedList<ListedDevice>;
}

/** What the list shows: search, filters, views that were kept, and columns. */
export function Toolbar({ query, show, domains, columns, list }: ToolbarProps) {
  // On narrow screens, what is seldom needed waits behind a button.
  const open = useSignal(false);
  const known = useResource(() => all<{ readonly tag: string }>('/tags', {}, mostTags), []);
  const tags = new Set(known.value?.map(({ tag }) => tag));
  // Rows that have come may have other tags.
  list.revision.value;
  for (const device of list.held()) for (const tag of device.tags) if (tags.size < mostTags) tags.add(tag);
  if (query.tag) tags.add(query.tag);
  return (
    <search class={open.value ? 'toolbar open' : 'toolbar'}>
      <Search query={query} show={show} />
      <button
        type="button"
        class="button unfold"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {t('filters')}
      </button>
      <select
        aria-label={t('filter.status')}
        value={query.status}
        onChange={(event) =>
          show({ ...query, status: readDeviceQuery(`?status=${event.currentTarget.value}`).status })
        }
      >
        <option value="all">{t('filter.anyState')}</option>
        <option value="online">{t('device.online')}</option>
        <option value="offline">{t('device.offline')}</option>
      </select>
      {domains.length > 1 && (
        <select
          aria-label={t('column.domain')}
          value={query.domain}
          onChange={(event) => show({ ...query, domain: event.currentTarget.value })}
        >
          <option value="">{t('filter.anyDomain')}</option>
          {domains.map(({ id, name }) => (
            <option key={id} value={id}>
              {name || id}
            </option>
          ))}
        </select>
      )}
      {tags.size > 0 && (
        <select
          aria-label={t('filter.tag')}
          value={query.tag}
          onFocus={known.reload}
          onChange={(event) => show({ ...query, tag: event.currentTarget.value })}
        >
          <option value="">{t('filter.anyTag')}</option>
          {[...tags].sort().map((tag) => (
            <option key={tag} value={tag}>
              {tag}
            </option>
          ))}
        </select>
      )}
      <select
        aria-label={t('filter.silent')}
        value={String(query.silentDays)}
        onChange={(event) => show({ ...query, silentDays: Number(event.currentTarget.value) })}
      >
        <option value="0">{t('filter.anyTime')}</option>
        {[...new Set([1, 7, 30, 90, ...(query.silentDays ? [query.silentDays] : [])])].map((days) => (
          <option key={days} value={String(days)}>
            {t('filter.silentDays', { n: days })}
          </option>
        ))}
      </select>
      <Views query={query} show={show} />
      <Columns columns={columns} />
      {isFiltered(query) && (
        <button type="button" class="button plain" onClick={() => show({ ...wholeList, sort: query.sort })}>
          {t('filter.clear')}
        </button>
      )}
    </search>
  );
}

function Search({ query, show }: Pick<ToolbarProps, 'query' | 'show'>) {
  const element = useRef<HTMLInputElement>(null);
  const latest = useRef(query);
  latest.current = query;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing =
        event.target instanceof Element && event.target.closest('input, textarea, select, dialog');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      element.current?.focus();
    };
    addEventListener('keydown', onKey);
    return () => {
      removeEventListener('keydown', onKey);
      clearTimeout(timer.current);
    };
  }, []);
  // What the field asked for: more may have been typed since, which must not be lost.
  const asked = useRef(query.text);
  // Another view, or the way back in the history.
  useEffect(() => {
    if (!element.current || query.text === asked.current) return;
    asked.current = query.text;
    element.current.value = query.text;
  }, [query.text]);
  const onInput = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      asked.current = element.current?.value.trim() ?? '';
      show({ ...latest.current, text: asked.current });
    }, typingMs);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    document.querySelector<HTMLElement>('.grid')?.focus();
  };
  return (
    <div class="search">
      <Icon name="search" />
      <input
        ref={element}
        type="search"
        maxLength={100}
        defaultValue={query.text}
        placeholder={t('search.hint')}
        aria-label={t('search')}
        onInput={onInput}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}

function Views({ query, show }: Pick<ToolbarProps, 'query' | 'show'>) {
  const views = preferences.value.views ?? [];
  const keep = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const name = textOf(new FormData(form), 'name');
    if (name === '') return;
    const view = { name, query: writeDeviceQuery(query) };
    choose(({ views = [] }) => ({
      views: [...views.filter((one) => one.name !== name), view].slice(-mostViews),
    })).catch(failed);
    form.reset();
  };
  return (
    <Menu label={t('views')} icon="devices">
      {views.length === 0 && <p class="muted">{t('views.none')}</p>}
      {views.map((view) => (
        <div key={view.name} class="service">
          <button type="button" class="button plain" onClick={() => show(readDeviceQuery(view.query))}>
            {view.name}
          </button>
          <button
            type="button"
            class="button plain small"
            aria-label={`${t('remove')}: ${view.name}`}
            onClick={() =>
              choose(({ views = [] }) => ({ views: views.filter(({ name }) => name !== view.name) })).catch(
                failed,
              )
            }
          >
            ×
          </button>
        </div>
      ))}
      <form class="service" onSubmit={keep}>
        <input
          name="name"
          maxLength={60}
          required
          aria-label={t('views.name')}
          placeholder={t('views.name')}
        />
        <button type="submit" class="button">
          {t('views.keep')}
        </button>
      </form>
    </Menu>
  );
}

function Columns({ columns }: Pick<ToolbarProps, 'columns'>) {
  const full = useSignal(false);
  const set = (next: readonly string[]) => {
    full.value = next.length > mostColumns || propertiesOf(next).length > mostProperties;
    if (!full.value) choose(() => ({ columns: next })).catch(failed);
  };
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const name = textOf(new FormData(form), 'property');
    if (name === '' || columns.includes(propertyColumn(name))) return;
    set(toggleColumn(columns, propertyColumn(name)));
    form.reset();
  };
  const shown = [...knownColumns, ...columns.filter((column) => propertyOf(column) !== null)];
  return (
    <Menu label={t('columns')} icon="columns">
      {shown.map((column) => (
        <label key={column} class="check">
          <input
            type="checkbox"
            checked={columns.includes(column)}
            onChange={() => set(toggleColumn(columns, column))}
          />
          {propertyOf(column) ?? t(`column.${column}`)}
        </label>
      ))}
      <form class="service" onSubmit={add}>
        <input
          name="property"
          maxLength={64}
          required
          aria-label={t('columns.property')}
          placeholder={t('columns.property')}
        />
        <button type="submit" class="button">
          {t('add')}
        </button>
      </form>
      {full.value && (
        <p class="wrong" role="alert">
          {t('columns.full')}
        </p>
      )}
    </Menu>
  );
}
