import { remove, segment } from '../../api/call.ts';
import type { Domain } from '../../api/types.ts';
import { bytes, count } from '../../state/format.ts';
import { may, mayAll } from '../../state/session.ts';
import { locale, t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Confirm, useDialog } from '../../ui/dialog.tsx';
import { usePages } from '../../ui/list.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { done } from '../../ui/toast.tsx';
import { AddDomain, ChangeDomain } from './domain-forms.tsx';
import { Usage } from './usage.tsx';

/** Domains, and what each uses of what it may. */
export function DomainsPage() {
  const pages = usePages<Domain>('/domains');
  const { dialog, ask } = useDialog();
  const { reload } = pages;
  const said = (n: number) => count(locale(), n);
  const saidBytes = (n: number) => bytes(locale(), n);
  return (
    <>
      <div class="head">
        <h1>{t('domains.title')}</h1>
      </div>
      <Above hint={t('domains.hint')}>
        {mayAll('domains.write') && (
          <AddButton
            text={t('domains.add')}
            onClick={() => ask((close) => <AddDomain onDone={reload} onClose={close} />)}
          />
        )}
      </Above>
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{
          icon: 'domain',
          title: t('domains.none'),
          hint: <p class="muted">{t('domains.none.hint')}</p>,
        }}
        columns={[
          {
            title: t('column.domain'),
            cell: ({ id, name, description }) => (
              <>
                <a href={`/?domain=${segment(id)}`}>
                  <strong>{name || id}</strong>
                </a>
                {name && <div class="muted mono">{id}</div>}
                {description && <div class="muted">{description}</div>}
              </>
            ),
          },
          {
            title: t('domains.devices'),
            cell: ({ usage, quotas }) => <Usage used={usage.devices} most={quotas.devices} say={said} />,
          },
          {
            title: t('domains.connections'),
            cell: ({ usage, quotas }) => (
              <Usage used={usage.connections} most={quotas.connections} say={said} />
            ),
          },
          {
            title: t('domains.bytes'),
            cell: ({ usage, quotas }) => (
              <Usage used={usage.bytesThisMonth} most={quotas.bytesPerMonth} say={saidBytes} />
            ),
          },
        ]}
        {...(may('domains.write')
          ? {
              actions: ({ id, name }: Domain) => (
                <Menu label={t('domains.change.title', { domain: name || id })} icon="more" small>
                  <button
                    type="button"
                    class="button plain"
                    onClick={() => ask((close) => <ChangeDomain id={id} onDone={reload} onClose={close} />)}
                  >
                    {t('edit')}
                  </button>
                  {mayAll('domains.write') && (
                    <button
                      type="button"
                      class="button danger"
                      onClick={() =>
                        ask((close) => (
                          <Confirm
                            title={t('domains.remove.title', { domain: name || id })}
                            text={t('domains.remove.hint')}
                            action={t('remove')}
                            run={async () => {
                              await remove(`/domains/${segment(id)}`, '*');
                              done(t('saved'));
                              reload();
                            }}
                            onClose={close}
                          />
                        ))
                      }
                    >
                      {t('remove')}
                    </button>
                  )}
                </Menu>
              ),
            }
          : {})}
      />
      {dialog}
    </>
  );
}
