import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Domain } from '../../api/types.ts';
import { propertiesOf } from '../../state/columns.ts';
import { DeviceList } from '../../state/device-list.ts';
import {
  type DeviceQuery,
  isFiltered,
  readDeviceQuery,
  sortedBy,
  wholeList,
  writeDeviceQuery,
} from '../../state/device-query.ts';
import { useDomains } from '../../state/domains.ts';
import { onHappenings } from '../../state/live.ts';
import { navigate, place } from '../../state/router.ts';
import { may, shownColumns } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Blank, Fault, Loading } from '../../ui/blank.tsx';
import { useDialog } from '../../ui/dialog.tsx';
import { failed } from '../../ui/toast.tsx';
import { AddDevice } from './add-device.tsx';
import { Bulk } from './bulk.tsx';
import { FirstDevice } from './first-device.tsx';
import { Grid } from './grid.tsx';
import { Toolbar } from './toolbar.tsx';

/** How often a list that somebody looks at the top of is read again while much happens. */
const refreshMs = 2_000;

export function DevicesPage() {
  const list = useMemo(() => new DeviceList(), []);
  const query = readDeviceQuery(place.value.search);
  const columns = shownColumns();
  const properties = propertiesOf(columns);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const atTop = useRef(true);
  const { dialog, ask } = useDialog();
  const domains = useDomains() ?? [];

  const asked = `${writeDeviceQuery(query)} ${properties.join()}`;
  useEffect(() => {
    list.show(query, properties).catch(failed);
    selected.value = new Set();
  }, [asked]);
  useEffect(() => () => list.close(), []);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      if (list.stale.value && atTop.current && selected.value.size === 0) {
        list.reload().catch(failed);
      }
    };
    const end = onHappenings((happenings) => {
      if (list.take(happenings)) list.reload().catch(failed);
      if (list.stale.value) timer ??= setTimeout(refresh, refreshMs);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);

  const reload = () => {
    list.reload().catch(failed);
  };
  const show = (next: DeviceQuery) => navigate(`/${writeDeviceQuery(next)}`, true);
  const select = (ids: readonly string[], on: boolean) => {
    const next = new Set(selected.value);
    for (const id of ids) {
      if (on) next.add(id);
      else next.delete(id);
    }
    selected.value = next;
  };
  const shown = list.shown.value;
  const count = shown.length.value;
  const fault = shown.fault.value;
  const isEmpty = shown.known && count === 0 && shown.ended.value;
  const add = () => ask((close) => <AddDevice domains={domains} onClose={close} />);
  return (
    <>
      <div class="head">
        <h1>{t('devices.title')}</h1>
        <div class="actions">
          {may('devices.create') && <AddButton text={t('devices.add')} onClick={add} />}
        </div>
      </div>
      <Toolbar query={query} show={show} domains={domains} columns={columns} list={shown} />
      {selected.value.size > 0 && (
        <Bulk
          ids={[...selected.value]}
          domains={domains}
          ask={ask}
          onDone={(left) => {
            selected.value = left;
            reload();
          }}
          onClear={() => {
            selected.value = new Set();
          }}
        />
      )}
      {fault !== null && shown.known && (
        <p class="notice bad" role="alert">
          {t('devices.notRead')}
          <button type="button" class="button small" onClick={reload}>
            {t('retry')}
          </button>
        </p>
      )}
      {list.stale.value && !atTop.current && (
        <p class="notice plain" role="status">
          {t('devices.changed')}
          <button type="button" class="button small" onClick={reload}>
            {t('devices.refresh')}
          </button>
        </p>
      )}
      {!shown.known ? (
        fault === null ? (
          <Loading />
        ) : (
          <Fault fault={fault} retry={reload} />
        )
      ) : isEmpty ? (
        <Nothing query={query} show={show} add={add} />
      ) : (
        <Grid
          list={shown}
          columns={columns}
          query={query}
          selected={selected.value}
          select={select}
          sort={(column) => show(sortedBy(query, column))}
          onTop={(top) => {
            atTop.current = top;
          }}
        />
      )}
      {!isEmpty && shown.known && <Below count={count} ended={shown.ended.value} domains={domains} />}
      {dialog}
    </>
  );
}

function Nothing({
  query,
  show,
  add,
}: {
  readonly query: DeviceQuery;
  readonly show: (query: DeviceQuery) => void;
  readonly add: () => void;
}) {
  if (!isFiltered(query)) return <FirstDevice add={add} />;
  return (
    <Blank icon="search" title={t('devices.noneFound')}>
      <p class="muted">{t('devices.noneFound.hint')}</p>
      <button type="button" class="button" onClick={() => show({ ...wholeList, sort: query.sort })}>
        {t('devices.showAll')}
      </button>
    </Blank>
  );
}

function Below({
  count,
  ended,
  domains,
}: {
  readonly count: number;
  readonly ended: boolean;
  readonly domains: readonly Domain[];
}) {
  const devices = domains.reduce((sum, { usage }) => sum + usage.devices, 0);
  const online = domains.reduce((sum, { usage }) => sum + usage.connections, 0);
  return (
    <div class="below">
      <span role="status">{ended ? t('devices.count', { n: count }) : t('devices.read', { n: count })}</span>
      {domains.length > 0 && <span>{t('devices.online', { online, n: devices })}</span>}
      <span id="grid-keys" class="keys">
        <kbd>/</kbd> {t('keys.search')} <kbd>↑</kbd> <kbd>↓</kbd> {t('keys.move')} <kbd>Enter</kbd>{' '}
        {t('keys.open')} <kbd>{t('keys.space')}</kbd> {t('keys.select')}
      </span>
    </div>
  );
}
