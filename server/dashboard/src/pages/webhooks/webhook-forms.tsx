import { useSignal } from '@preact/signals';
import { patch, post, segment } from '../../api/call.ts';
import { eventKinds, type Webhook, type WebhookWithSecret } from '../../api/types.ts';
import { domainOption, useDomains } from '../../state/domains.ts';
import { mayAll } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Dialog, Form, type Wrong } from '../../ui/dialog.tsx';
import { Check, Choice, Field, textOf } from '../../ui/field.tsx';
import { Secret } from '../../ui/secret.tsx';
import { done } from '../../ui/toast.tsx';

interface FormProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function AddWebhook({ onDone, onClose }: FormProps) {
  const secret = useSignal('');
  const submit = async (fields: FormData) => {
    const made = await post<WebhookWithSecret>('/webhooks', readWebhook(fields));
    secret.value = made.secret;
    onDone();
  };
  if (secret.value) return <WebhookSecret secret={secret.value} onClose={onClose} />;
  return (
    <Dialog title={t('webhooks.add')} onClose={onClose}>
      <Form submit={submit} action={t('webhooks.add')} cancel={onClose}>
        {(wrong) => <WebhookFields wrong={wrong} />}
      </Form>
    </Dialog>
  );
}

/** Changes what the webhook was when the page has read it. */
export function ChangeWebhook({
  webhook,
  version,
  onDone,
  onClose,
}: FormProps & { readonly webhook: Webhook; readonly version: string }) {
  const submit = async (fields: FormData) => {
    await patch<Webhook>(`/webhooks/${segment(webhook.id)}`, readWebhook(fields), version);
    done(t('saved'));
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('webhooks.change')} onClose={onClose}>
      <Form submit={submit} action={t('save')} cancel={onClose}>
        {(wrong) => <WebhookFields wrong={wrong} webhook={webhook} />}
      </Form>
    </Dialog>
  );
}

/** Another secret; the former one signs beside it for a day. */
export function RenewSecret({ id, onDone, onClose }: FormProps & { readonly id: string }) {
  const secret = useSignal('');
  const submit = async () => {
    secret.value = (await post<WebhookWithSecret>(`/webhooks/${segment(id)}/secret`)).secret;
    onDone();
  };
  if (secret.value) return <WebhookSecret secret={secret.value} onClose={onClose} />;
  return (
    <Dialog title={t('webhooks.renew')} onClose={onClose}>
      <Form submit={submit} action={t('webhooks.renew')} cancel={onClose}>
        {() => <p>{t('webhooks.renew.hint')}</p>}
      </Form>
    </Dialog>
  );
}

function WebhookSecret({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  return (
    <Secret
      title={t('webhooks.secret')}
      hint={t('webhooks.secret.hint')}
      label={t('webhooks.secret')}
      text={secret}
      onClose={onClose}
    />
  );
}

function WebhookFields({ wrong, webhook }: { readonly wrong: Wrong; readonly webhook?: Webhook }) {
  const chosen = useSignal(webhook?.kinds != null);
  const domains = useDomains();
  const everything = mayAll('webhooks.write') ? [['', t('grants.everything')] as const] : [];
  const known = new Set(domains?.map(({ id }) => id));
  const present =
    webhook?.domain != null && !known.has(webhook.domain) ? [[webhook.domain, webhook.domain] as const] : [];
  return (
    <>
      <Field
        name="url"
        label={t('webhooks.url')}
        hint={t('webhooks.url.hint')}
        defaultValue={webhook?.url ?? ''}
        required
        maxLength={2_048}
        wrong={wrong}
        autofocus
      />
      <Field
        name="description"
        label={t('column.description')}
        defaultValue={webhook?.description ?? ''}
        maxLength={200}
        wrong={wrong}
      />
      <Choice
        key={domains?.length ?? -1}
        name="domain"
        label={t('column.domain')}
        value={webhook?.domain ?? everything[0]?.[0] ?? domains?.[0]?.id ?? ''}
        options={[...everything, ...present, ...(domains ?? []).map(domainOption)]}
      />
      <Choice
        name="some"
        label={t('webhooks.kinds')}
        value={chosen.value ? 'yes' : ''}
        options={[
          ['', t('webhooks.allKinds')],
          ['yes', t('webhooks.someKinds')],
        ]}
        onChange={(value) => {
          chosen.value = value !== '';
        }}
      />
      {chosen.value && (
        <fieldset>
          <legend>{t('webhooks.someKinds')}</legend>
          {eventKinds.map((kind) => (
            <Check
              key={kind}
              name="kinds"
              value={kind}
              label={kind}
              checked={webhook?.kinds?.includes(kind) ?? false}
            />
          ))}
          {wrong.fields.has('kinds') && <p class="wrong">{t('webhooks.kinds.none')}</p>}
        </fieldset>
      )}
    </>
  );
}

const readWebhook = (fields: FormData) => ({
  url: textOf(fields, 'url'),
  description: textOf(fields, 'description'),
  domain: textOf(fields, 'domain') || null,
  kinds: textOf(fields, 'some') === '' ? null : fields.getAll('kinds'),
});
