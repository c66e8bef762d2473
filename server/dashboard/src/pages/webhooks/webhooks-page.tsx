import type { Webhook } from '../../api/types.ts';
import { count } from '../../state/format.ts';
import { webhookPath } from '../../state/router.ts';
import { locale, t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { useDialog } from '../../ui/dialog.tsx';
import { usePages } from '../../ui/list.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { AddWebhook } from './webhook-forms.tsx';
import { WebhookState } from './webhook-state.tsx';

/** Who is told what happens in the fleet. */
export function WebhooksPage() {
  const pages = usePages<Webhook>('/webhooks');
  const { dialog, ask } = useDialog();
  return (
    <>
      <div class="head">
        <h1>{t('webhooks.title')}</h1>
      </div>
      <Above hint={t('webhooks.hint')}>
        {pages.items && (
          <AddButton
            text={t('webhooks.add')}
            onClick={() => ask((close) => <AddWebhook onDone={pages.reload} onClose={close} />)}
          />
        )}
      </Above>
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{
          icon: 'webhook',
          title: t('webhooks.none'),
          hint: <p class="muted">{t('webhooks.none.hint')}</p>,
        }}
        columns={[
          {
            title: t('webhooks.url'),
            cell: ({ id, url, description }) => (
              <>
                <a class="address" href={webhookPath(id)}>
                  {url}
                </a>
                {description && <div class="muted">{description}</div>}
              </>
            ),
          },
          { title: t('webhooks.kinds'), cell: ({ kinds }) => kindsText(kinds) },
          { title: t('column.domain'), cell: ({ domain }) => domain ?? t('grants.everything') },
          { title: t('column.state'), cell: (webhook) => <WebhookState webhook={webhook} /> },
          { title: t('webhooks.waiting'), cell: ({ waiting }) => count(locale(), waiting) },
        ]}
      />
      {dialog}
    </>
  );
}

function kindsText(kinds: Webhook['kinds']) {
  return kinds === null ? t('webhooks.allKinds') : <span class="mono">{kinds.join(', ')}</span>;
}
