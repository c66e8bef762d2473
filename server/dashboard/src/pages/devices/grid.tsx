import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { ListedDevice } from '../../api/types.ts';
import { propertyOf } from '../../state/columns.ts';
import { type DeviceQuery, deviceSorts } from '../../state/device-query.ts';
import type { PagedList } from '../../state/paged-list.ts';
import { devicePath, navigate } from '../../state/router.ts';
import { rowForKey, rowsInView, scrollFor } from '../../state/rows-in-view.ts';
import { t } from '../../texts/language.ts';
import { Icon } from '../../ui/icon.tsx';
import { failed } from '../../ui/toast.tsx';
import { Cell } from './cell.tsx';

const narrow = matchMedia('(max-width: 760px)');
const heights = () => (narrow.matches ? { row: 60, titles: 0 } : { row: 38, titles: 36 });

const widths: Readonly<Record<string, string>> = {
  state: '116px',
  lastSeen: '156px',
  domain: 'minmax(90px, 0.8fr)',
  tags: 'minmax(120px, 1.2fr)',
  version: 'minmax(80px, 0.7fr)',
  address: '130px',
  services: 'minmax(110px, 1fr)',
  agent: 'minmax(120px, 1fr)',
  created: '160px',
};

export interface GridProps {
  readonly list: PagedList<ListedDevice>;
  readonly columns: readonly string[];
  readonly query: DeviceQuery;
  readonly selected: ReadonlySet<string>;
  readonly select: (ids: readonly string[], on: boolean) => void;
  readonly sort: (column: string) => void;
  /** The beginning of the list is in view. */
  readonly onTop: (top: boolean) => void;
}

/** The list of devices. Only the rows in view are drawn; keys move through it as in a table of a spreadsheet. */
export function Grid({ list, columns, query, selected, select, sort, onTop }: GridProps) {
  const element = useRef<HTMLDivElement>(null);
  const view = useSignal({ top: 0, height: 600 });
  const active = useSignal(0);
  const anchor = useRef<number | null>(null);
  const shape = useSignal(heights());
  const { row: rowHeight, titles } = shape.value;
  const count = list.length.value;
  const { first, end } = rowsInView(view.value.top, view.value.height, rowHeight, count);
  // Rows change in place.
  list.revision.value;

  useLayoutEffect(() => {
    const grid = element.current;
    if (!grid) return undefined;
    const measure = () => {
      shape.value = heights();
      view.value = { top: grid.scrollTop, height: grid.clientHeight - heights().titles };
      onTop(grid.scrollTop < heights().row);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(grid);
    grid.addEventListener('scroll', measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      grid.removeEventListener('scroll', measure);
    };
  }, []);
  useEffect(() => {
    active.value = 0;
    anchor.current = null;
    element.current?.scrollTo(0, 0);
  }, [list]);
  useEffect(() => {
    list.look(first, end).catch(failed);
  }, [list, first, end, count]);

  const goTo = (index: number) => {
    active.value = index;
    const grid = element.current;
    if (grid) grid.scrollTop = scrollFor(index, grid.scrollTop, view.value.height, rowHeight);
  };
  const choose = (index: number, range: boolean) => {
    const from = range && anchor.current !== null ? anchor.current : index;
    const ids: string[] = [];
    for (let i = Math.min(from, index); i <= Math.max(from, index); i++) {
      const device = list.at(i);
      if (device) ids.push(device.id);
    }
    const device = list.at(index);
    select(ids, range || !(device && selected.has(device.id)));
    anchor.current = index;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== element.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.value.height / rowHeight) - 1);
    const next = rowForKey(event.key, active.value, count, page);
    const device = list.at(active.value);
    if (next !== null) {
      goTo(next);
      if (event.shiftKey) choose(next, true);
    } else if (event.key === 'Enter' && device) navigate(devicePath(device.id));
    else if (event.key === ' ') choose(active.value, event.shiftKey);
    else return;
    event.preventDefault();
  };

  const rows = [];
  for (let index = first; index < end; index++) {
    const device = list.at(index);
    rows.push(
      <Row
        key={device?.id ?? `row-${index}`}
        index={index}
        device={device}
        columns={columns}
        active={index === active.value}
        selected={device !== undefined && selected.has(device.id)}
        height={rowHeight}
        choose={choose}
      />,
    );
  }
  const template = [
    '40px',
    'minmax(220px, 2.4fr)',
    ...columns.map((column) => widths[column] ?? 'minmax(100px, 1fr)'),
  ];
  const sheet = 340 + columns.length * 105;
  return (
    <div
      ref={element}
      class="grid"
      role="grid"
      tabIndex={0}
      aria-label={t('devices.title')}
      aria-rowcount={list.ended.value ? count + 1 : -1}
      aria-colcount={columns.length + 2}
      aria-multiselectable="true"
      aria-describedby="grid-keys"
      {...(list.at(active.value) ? { 'aria-activedescendant': `row-${active.value}` } : {})}
      style={{ '--columns': template.join(' '), '--sheet-width': `${sheet}px` }}
      onKeyDown={onKeyDown}
    >
      <div class="sheet" role="presentation">
        <div class="titles" role="row" aria-rowindex={1} tabIndex={-1}>
          <div class="pick" role="columnheader" tabIndex={-1}>
            <span class="hidden">{t('devices.select')}</span>
          </div>
          <Title column="name" label={t('column.name')} query={query} sort={sort} />
          {columns.map((column) => (
            <Title
              key={column}
              column={column}
              label={propertyOf(column) ?? t(`column.${column}`)}
              query={query}
              sort={sort}
            />
          ))}
        </div>
        <div class="rows" role="rowgroup" style={{ height: `${count * rowHeight}px` }}>
          {rows}
        </div>
      </div>
      {titles === 0 && <span class="hidden">{t('devices.title')}</span>}
    </div>
  );
}

function Title({
  column,
  label,
  query,
  sort,
}: {
  readonly column: string;
  readonly label: string;
  readonly query: DeviceQuery;
  readonly sort: (column: string) => void;
}) {
  const sortable = deviceSorts.some((one) => one === column);
  const up = query.sort === column;
  const down = query.sort === `-${column}`;
  const order = up ? 'ascending' : down ? 'descending' : 'none';
  return (
    <div role="columnheader" tabIndex={-1} {...(sortable ? { 'aria-sort': order } : {})}>
      {sortable ? (
        <button type="button" onClick={() => sort(column)}>
          {label}
          {(up || down) && <Icon name={up ? 'up' : 'down'} />}
        </button>
      ) : (
        label
      )}
    </div>
  );
}

function Row({
  index,
  device,
  columns,
  active,
  selected,
  height,
  choose,
}: {
  readonly index: number;
  readonly device: ListedDevice | undefined;
  readonly columns: readonly string[];
  readonly active: boolean;
  readonly selected: boolean;
  readonly height: number;
  readonly choose: (index: number, range: boolean) => void;
}) {
  const open = (event: MouseEvent) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!device || target?.closest('a, input, .pick')) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) choose(index, event.shiftKey);
    else navigate(devicePath(device.id));
  };
  return (
    // Keys are those of the grid.
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys
    <div
      id={`row-${index}`}
      class={active ? 'active' : ''}
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      aria-selected={selected}
      style={{ transform: `translateY(${index * height}px)` }}
      onClick={open}
    >
      {device && (
        <>
          <div class="pick" role="gridcell" tabIndex={-1}>
            <input
              type="checkbox"
              tabIndex={-1}
              checked={selected}
              aria-label={t('devices.selectOne', { device: device.name ?? device.id })}
              onClick={(event) => choose(index, event.shiftKey)}
            />
          </div>
          <div class="name" role="gridcell" tabIndex={-1}>
            <a href={devicePath(device.id)} tabIndex={-1}>
              {device.name ?? device.id}
            </a>
            {device.name !== null && <span class="mono">{device.id}</span>}
          </div>
          {columns.map((column) => (
            <div
              key={column}
              class={`cell-${propertyOf(column) === null ? column : 'property'}`}
              role="gridcell"
              tabIndex={-1}
            >
              <Cell device={device} column={column} />
            </div>
          ))}
        </>
      )}
    </div>
  );
}
