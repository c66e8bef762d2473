import { useEffect } from 'preact/hooks';
import { call, patch, post, remove, segment } from '../../api/call.ts';
import type { Delivery, Webhook } from '../../api/types.ts';
import { count } from '../../state/format.ts';
import { useResource } from '../../state/resource.ts';
import { navigate, place, webhookPath } from '../../state/router.ts';
import { locale, t } from '../../texts/language.ts';
import { Fault, Loading } from '../../ui/blank.tsx';
import { Confirm, useDialog } from '../../ui/dialog.tsx';
import { Choice } from '../../ui/field.tsx';
import { Icon } from '../../ui/icon.tsx';
import { usePages } from '../../ui/list.tsx';
import { Menu } from '../../ui/menu.tsx';
import { When } from '../../ui/time.tsx';
import { done, failed } from '../../ui/toast.tsx';
import { Deliveries } from './deliveries.tsx';
import { ChangeWebhook, RenewSecret } from './webhook-forms.tsx';
import { WebhookState } from './webhook-state.tsx';

const states = ['waiting', 'delivered', 'failed'] as const;
/** How often a page that shows deliveries under way looks again. */
const againMs = 3_000;

/** One webhook: what it gets, and what was sent to it. */
export function WebhookPage({ id }: { readonly id: string }) {
  const path = `/webhooks/${segment(id)}`;
  const read = useResource((signal) => call<Webhook>('GET', path, { signal }), [id]);
  const wanted = new URLSearchParams(place.value.search).get('state') ?? '';
  const state = states.find((one) => one === wanted) ?? '';
  const deliveries = usePages<Delivery>(`${path}/deliveries`, { state });
  const reload = () => {
    read.reload();
    deliveries.reload();
  };
  const underWay = deliveries.items?.some((one) => one.state === 'waiting') ?? false;
  useEffect(() => {
    if (!underWay) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, againMs);
    return () => clearInterval(timer);
  }, [id, state, underWay]);
  const webhook = read.value?.body;
  return (
    <>
      <p class="crumb">
        <a href="/dashboard/webhooks">{t('webhooks.title')}</a>
      </p>
      {webhook ? (
        <>
          <div class="head">
            <div class="title">
              <h1 class="address">{webhook.url}</h1>
              <div class="line">
                <WebhookState webhook={webhook} />
                {webhook.description && <span class="muted">{webhook.description}</span>}
              </div>
            </div>
            <Actions webhook={webhook} version={read.value?.version ?? '*'} reload={reload} />
          </div>
          {webhook.reason !== null && (
            <p class="notice bad">
              <Icon name="warning" />
              <span>
                {t('webhooks.disabled')}: <span lang="en">{webhook.reason}</span>
              </span>
            </p>
          )}
          <Facts webhook={webhook} />
          <h2 style={{ margin: '20px 0 10px' }}>{t('deliveries')}</h2>
          <div class="filters">
            <Choice
              name="state"
              label={t('column.state')}
              value={state}
              options={[
                ['', t('filter.anyState')],
                ...states.map((one) => [one, t(`delivery.${one}`)] as const),
              ]}
              onChange={(value) => navigate(`${webhookPath(id)}${value && `?state=${value}`}`, true)}
            />
          </div>
          <Deliveries webhook={webhook} pages={deliveries} reload={reload} />
        </>
      ) : (
        <>
          <h1>{t('webhook.title')}</h1>
          {read.fault === null ? <Loading /> : <Fault fault={read.fault} retry={read.reload} />}
        </>
      )}
    </>
  );
}

function Facts({ webhook }: { readonly webhook: Webhook }) {
  const { kinds, domain, waiting, failingSince, created, creator } = webhook;
  return (
    <section class="card">
      <dl class="facts">
        <dt>{t('webhooks.kinds')}</dt>
        <dd>{kinds === null ? t('webhooks.allKinds') : <span class="mono">{kinds.join(', ')}</span>}</dd>
        <dt>{t('column.domain')}</dt>
        <dd>{domain ?? t('grants.everything')}</dd>
        <dt>{t('webhooks.waiting')}</dt>
        <dd>{count(locale(), waiting)}</dd>
        {failingSince !== null && (
          <>
            <dt>{t('webhooks.failing')}</dt>
            <dd>
              {t('webhooks.failingSince')} <When time={failingSince} />
            </dd>
          </>
        )}
        <dt>{t('column.created')}</dt>
        <dd>
          <When time={created} /> · {creator}
        </dd>
      </dl>
    </section>
  );
}

function Actions({
  webhook,
  version,
  reload,
}: {
  readonly webhook: Webhook;
  readonly version: string;
  readonly reload: () => void;
}) {
  const { dialog, ask } = useDialog();
  const { id, enabled } = webhook;
  const path = `/webhooks/${segment(id)}`;
  const test = () =>
    post(`${path}/test`).then(() => {
      done(t('webhooks.tested'));
      reload();
    }, failed);
  const enable = (on: boolean) =>
    patch(path, { enabled: on }, version).then(() => {
      done(t('saved'));
      reload();
    }, failed);
  return (
    <div class="actions">
      {enabled ? (
        <button type="button" class="button main" onClick={test}>
          {t('webhooks.test')}
        </button>
      ) : (
        <button type="button" class="button main" onClick={() => enable(true)}>
          {t('webhooks.enable')}
        </button>
      )}
      <button
        type="button"
        class="button"
        onClick={() =>
          ask((close) => (
            <ChangeWebhook webhook={webhook} version={version} onDone={reload} onClose={close} />
          ))
        }
      >
        {t('edit')}
      </button>
      <Menu label={t('device.more')} icon="more">
        <button
          type="button"
          class="button plain"
          onClick={() => ask((close) => <RenewSecret id={id} onDone={reload} onClose={close} />)}
        >
          {t('webhooks.renew')}
        </button>
        {enabled && (
          <button type="button" class="button plain" onClick={() => enable(false)}>
            {t('webhooks.disable')}
          </button>
        )}
        <button
          type="button"
          class="button danger"
          onClick={() =>
            ask((close) => (
              <Confirm
                title={t('webhooks.remove.title')}
                text={t('webhooks.remove.hint')}
                action={t('remove')}
                run={async () => {
                  await remove(path);
                  done(t('saved'));
                  navigate('/dashboard/webhooks');
                }}
                onClose={close}
              />
            ))
          }
        >
          {t('remove')}
        </button>
      </Menu>
      {dialog}
    </div>
  );
}
