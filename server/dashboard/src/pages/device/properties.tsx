import { patch, segment } from '../../api/call.ts';
import type { Device } from '../../api/types.ts';
import { branding, isHidden } from '../../state/branding.ts';
import { mostColumns, propertyColumn, readColumns, toggleColumn } from '../../state/columns.ts';
import { choose, may, shownColumns } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { textOf } from '../../ui/field.tsx';
import { Menu } from '../../ui/menu.tsx';
import { done, failed } from '../../ui/toast.tsx';
import type { DevicePart } from './device-part.ts';

/** What the device says of itself, and what users say of it. */
export function Properties({ part }: { readonly part: DevicePart }) {
  const { device, version, reload } = part;
  const { system, user } = device.properties;
  const change = async (properties: Readonly<Record<string, string | null>>) => {
    try {
      await patch<Device>(`/devices/${segment(device.id)}`, { properties }, version);
      done(t('saved'));
      reload();
    } catch (error) {
      failed(error);
    }
  };
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(form instanceof HTMLFormElement)) return;
    const fields = new FormData(form);
    await change({ [textOf(fields, 'property')]: textOf(fields, 'value') });
    form.reset();
  };
  const hidden = branding.value?.hiddenProperties ?? [];
  const names = Object.keys(system)
    .filter((name) => !isHidden(name, hidden))
    .sort();
  const own = Object.entries(user)
    .filter(([name]) => !isHidden(name, hidden))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <section class="card">
      <header>
        <h2>{t('properties')}</h2>
        {names.length + own.length > 0 && (
          <div class="actions">
            <ShowAsColumn names={[...new Set([...names, ...own.map(([name]) => name)])].sort()} />
          </div>
        )}
      </header>
      <h3 class="muted">{t('properties.own')}</h3>
      {own.length === 0 && <p class="muted">{t('properties.none')}</p>}
      <dl class="facts">
        {own.map(([name, value]) => [
          <dt key={`name ${name}`}>{name}</dt>,
          <dd key={name} class="own">
            {value}
            {may('devices.write') && (
              <button
                type="button"
                class="button plain small"
                aria-label={`${t('remove')}: ${name}`}
                onClick={() => change({ [name]: null })}
              >
                ×
              </button>
            )}
          </dd>,
        ])}
      </dl>
      {may('devices.write') && (
        <form class="add-line" onSubmit={add}>
          <input
            name="property"
            required
            maxLength={64}
            aria-label={t('properties.name')}
            placeholder={t('properties.name')}
          />
          <input
            name="value"
            required
            maxLength={1_024}
            aria-label={t('properties.value')}
            placeholder={t('properties.value')}
          />
          <button type="submit" class="button">
            {t('add')}
          </button>
        </form>
      )}
      <h3 class="muted" style={{ marginTop: '14px' }}>
        {t('properties.said')}
      </h3>
      {names.length === 0 && <p class="muted">{t('properties.saidNone')}</p>}
      <dl class="facts">
        {names.map((name) => [<dt key={`name ${name}`}>{name}</dt>, <dd key={name}>{system[name]}</dd>])}
      </dl>
    </section>
  );
}

function ShowAsColumn({ names }: { readonly names: readonly string[] }) {
  const columns = shownColumns();
  const toggle = (column: string) => {
    const next = readColumns(toggleColumn(columns, column));
    if (next.length <= mostColumns) choose(() => ({ columns: next })).catch(failed);
  };
  return (
    <Menu label={t('columns')} icon="columns">
      <p class="muted">{t('columns.ofProperties')}</p>
      {names.map((name) => (
        <label key={name} class="check">
          <input
            type="checkbox"
            checked={columns.includes(propertyColumn(name))}
            onChange={() => toggle(propertyColumn(name))}
          />
          {name}
        </label>
      ))}
    </Menu>
  );
}
