import { segment } from '../../api/call.ts';
import type { LogRecord } from '../../api/types.ts';
import { may } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Fault, Loading } from '../../ui/blank.tsx';
import { More, usePages } from '../../ui/list.tsx';
import { Log } from '../../ui/log.tsx';

/** What the audit log says of the device. It names other users: not everybody may read it. */
export function DeviceLog({ id }: { readonly id: string }) {
  const allowed = may('audit.read') || may('devices.write');
  const { items, fault, reload, more } = usePages<LogRecord>(
    allowed ? `/devices/${segment(id)}/log` : null,
    {},
    15,
  );
  if (!allowed) return null;
  return (
    <section class="card">
      <header>
        <h2>{t('log')}</h2>
        <div class="actions">
          <button type="button" class="button small" onClick={reload}>
            {t('devices.refresh')}
          </button>
        </div>
      </header>
      {!items ? (
        fault === null ? (
          <Loading />
        ) : (
          <Fault fault={fault} retry={reload} />
        )
      ) : items.length === 0 ? (
        <p class="muted">{t('log.none')}</p>
      ) : (
        <Log records={items} />
      )}
      <More more={more} />
    </section>
  );
}
