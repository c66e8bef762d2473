import { get, post, segment } from '../../api/call.ts';
import type { Delivery, Webhook } from '../../api/types.ts';
import { count } from '../../state/format.ts';
import { useResource } from '../../state/resource.ts';
import { locale, t } from '../../texts/language.ts';
import { Fault, Loading } from '../../ui/blank.tsx';
import { Copy } from '../../ui/copy.tsx';
import { Dialog, useDialog } from '../../ui/dialog.tsx';
import type { Pages } from '../../ui/list.tsx';
import { Table } from '../../ui/table.tsx';
import { When } from '../../ui/time.tsx';
import { done, failed } from '../../ui/toast.tsx';

/** What was sent to a webhook, the latest first. */
export function Deliveries({
  webhook,
  pages,
  reload,
}: {
  readonly webhook: Webhook;
  readonly pages: Pages<Delivery>;
  readonly reload: () => void;
}) {
  const { dialog, ask } = useDialog();
  const again = (delivery: Delivery) =>
    post(`/webhooks/${segment(webhook.id)}/deliveries/${segment(delivery.id)}/replay`).then(() => {
      done(t('delivery.again.done'));
      reload();
    }, failed);
  return (
    <>
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{
          icon: 'webhook',
          title: t('deliveries.none'),
          hint: <p class="muted">{t('deliveries.none.hint')}</p>,
        }}
        columns={[
          { title: t('column.time'), cell: ({ created }) => <When time={created} /> },
          { title: t('delivery.kind'), cell: ({ kind }) => <span class="mono">{kind}</span> },
          { title: t('column.state'), cell: (delivery) => <DeliveryState delivery={delivery} /> },
          { title: t('delivery.attempts'), cell: ({ attempts }) => count(locale(), attempts) },
          { title: t('delivery.answer'), cell: (delivery) => <Answer delivery={delivery} /> },
        ]}
        actions={(delivery) => (
          <>
            <button
              type="button"
              class="button small"
              onClick={() =>
                ask((close) => <Details webhook={webhook.id} delivery={delivery} onClose={close} />)
              }
            >
              {t('delivery.details')}
            </button>{' '}
            {webhook.enabled && delivery.state !== 'waiting' && (
              <button type="button" class="button small" onClick={() => again(delivery)}>
                {t('delivery.again')}
              </button>
            )}
          </>
        )}
      />
      {dialog}
    </>
  );
}

function DeliveryState({ delivery: { state, next } }: { readonly delivery: Delivery }) {
  const tag = { waiting: 'tag warn', delivered: 'tag good', failed: 'tag bad' }[state];
  return (
    <>
      <span class={tag}>{t(`delivery.${state}`)}</span>
      {next !== null && (
        <div class="muted">
          {t('delivery.next')} <When time={next} />
        </div>
      )}
    </>
  );
}

/** What the receiver said to the last attempt; what the server says of it is in English. */
function Answer({ delivery: { status, error, milliseconds } }: { readonly delivery: Delivery }) {
  const long =
    milliseconds === null
      ? ''
      : ` · ${new Intl.NumberFormat(locale(), { style: 'unit', unit: 'millisecond' }).format(milliseconds)}`;
  if (status !== null) return <>{`HTTP ${status}${long}`}</>;
  if (error === null) return <span class="muted">–</span>;
  return <span lang="en">{error}</span>;
}

function Details({
  webhook,
  delivery,
  onClose,
}: {
  readonly webhook: string;
  readonly delivery: Delivery;
  readonly onClose: () => void;
}) {
  const read = useResource(
    (signal) =>
      get<Delivery & { readonly payload: string }>(
        `/webhooks/${segment(webhook)}/deliveries/${segment(delivery.id)}`,
        {},
        signal,
      ),
    [delivery.id],
  );
  return (
    <Dialog title={delivery.kind} onClose={onClose}>
      {read.value ? (
        <>
          <dl class="facts">
            <dt>webhook-id</dt>
            <dd class="mono">{read.value.message}</dd>
            {read.value.tried !== null && (
              <>
                <dt>{t('delivery.tried')}</dt>
                <dd>
                  <When time={read.value.tried} />
                </dd>
              </>
            )}
            <dt>{t('delivery.answer')}</dt>
            <dd>
              <Answer delivery={read.value} />
            </dd>
          </dl>
          <Copy text={readable(read.value.payload)} label={t('delivery.payload')} block />
          {read.value.answer !== null && read.value.answer !== '' && (
            <>
              <h3>{t('delivery.answerText')}</h3>
              <Copy text={read.value.answer} label={t('delivery.answerText')} block />
            </>
          )}
        </>
      ) : read.fault === null ? (
        <Loading />
      ) : (
        <Fault fault={read.fault} retry={read.reload} />
      )}
      <div class="buttons">
        <button type="button" class="button main" onClick={onClose}>
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}

function readable(payload: string): string {
  return JSON.stringify(JSON.parse(payload), null, 2);
}
