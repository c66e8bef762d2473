import { call, patch, post, segment } from '../../api/call.ts';
import { Problem } from '../../api/problem.ts';
import type { Domain, Quotas } from '../../api/types.ts';
import { isQuota, quotaText, readQuota } from '../../state/quota-text.ts';
import { useResource } from '../../state/resource.ts';
import { mayAll } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Fault, Loading } from '../../ui/blank.tsx';
import { Dialog, Form, type Wrong } from '../../ui/dialog.tsx';
import { Field, textOf } from '../../ui/field.tsx';
import { done } from '../../ui/toast.tsx';

interface FormProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

const quotaKinds = { devices: 'count', connections: 'count', bytesPerMonth: 'bytes' } as const;
const quotaNames = ['devices', 'connections', 'bytesPerMonth'] as const;

export function AddDomain({ onDone, onClose }: FormProps) {
  const submit = async (fields: FormData) => {
    await post('/domains', { id: textOf(fields, 'id'), ...readDomain(fields), quotas: readQuotas(fields) });
    done(t('saved'));
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('domains.add')} onClose={onClose}>
      <Form submit={submit} action={t('domains.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Field
              name="id"
              label={t('column.id')}
              hint={t('domains.id.hint')}
              required
              maxLength={64}
              wrong={wrong}
              autofocus
            />
            <DomainFields wrong={wrong} />
            <QuotaFields wrong={wrong} />
          </>
        )}
      </Form>
    </Dialog>
  );
}

/** Changes what the domain was when the form was opened. */
export function ChangeDomain({ id, onDone, onClose }: FormProps & { readonly id: string }) {
  const path = `/domains/${segment(id)}`;
  const read = useResource((signal) => call<Domain>('GET', path, { signal }), [id]);
  const submit = async (fields: FormData) => {
    const quotas = mayAll('domains.write') ? { quotas: readQuotas(fields) } : {};
    await patch<Domain>(path, { ...readDomain(fields), ...quotas }, read.value?.version);
    done(t('saved'));
    onClose();
    onDone();
  };
  const domain = read.value?.body;
  return (
    <Dialog title={t('domains.change.title', { domain: domain?.name || id })} onClose={onClose}>
      {domain ? (
        <Form submit={submit} action={t('save')} cancel={onClose}>
          {(wrong) => (
            <>
              <DomainFields wrong={wrong} domain={domain} />
              {mayAll('domains.write') && <QuotaFields wrong={wrong} quotas={domain.quotas} />}
            </>
          )}
        </Form>
      ) : read.fault === null ? (
        <Loading />
      ) : (
        <Fault fault={read.fault} retry={read.reload} />
      )}
    </Dialog>
  );
}

function DomainFields({ wrong, domain }: { readonly wrong: Wrong; readonly domain?: Domain }) {
  return (
    <>
      <Field
        name="name"
        label={t('column.name')}
        defaultValue={domain?.name ?? ''}
        maxLength={200}
        wrong={wrong}
      />
      <Field
        name="description"
        label={t('column.description')}
        defaultValue={domain?.description ?? ''}
        maxLength={2_000}
        wrong={wrong}
      />
    </>
  );
}

function QuotaFields({ wrong, quotas }: { readonly wrong: Wrong; readonly quotas?: Quotas }) {
  return (
    <fieldset>
      <legend>{t('domains.quotas')}</legend>
      <p class="muted">{t('domains.quotas.hint')}</p>
      {quotaNames.map((name) => (
        <Field
          key={name}
          name={`quotas/${name}`}
          label={t(`domains.quota.${name}`)}
          defaultValue={quotaText(quotas?.[name] ?? null, quotaKinds[name])}
          inputMode={quotaKinds[name] === 'bytes' ? 'decimal' : 'numeric'}
          maxLength={20}
          wrong={wrong}
        />
      ))}
    </fieldset>
  );
}

const readDomain = (fields: FormData) => ({
  name: textOf(fields, 'name'),
  description: textOf(fields, 'description'),
});

/** Throws a `Problem` that names the fields that hold no number. */
function readQuotas(fields: FormData): Quotas {
  const read = (name: keyof Quotas) => readQuota(textOf(fields, `quotas/${name}`), quotaKinds[name]);
  const wrong = quotaNames.filter((name) => !isQuota(read(name)));
  if (wrong.length > 0) {
    const detail = t('domains.quota.wrong');
    throw new Problem(400, {
      title: detail,
      errors: wrong.map((name) => ({ field: `/quotas/${name}`, detail })),
    });
  }
  return {
    devices: read('devices'),
    connections: read('connections'),
    bytesPerMonth: read('bytesPerMonth'),
  };
}
