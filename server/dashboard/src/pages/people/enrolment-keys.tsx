import { useSignal } from '@preact/signals';
import { all, post, remove, segment } from '../../api/call.ts';
import type { Domain, EnrolmentKey } from '../../api/types.ts';
import { count } from '../../state/format.ts';
import { readLocalTime } from '../../state/grant-text.ts';
import { useResource } from '../../state/resource.ts';
import { may, now } from '../../state/session.ts';
import { locale, t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Confirm, Dialog, Form, useDialog } from '../../ui/dialog.tsx';
import { Check, Choice, Field, textOf } from '../../ui/field.tsx';
import { usePages } from '../../ui/list.tsx';
import { Secret } from '../../ui/secret.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { When } from '../../ui/time.tsx';

/** Keys by which devices of one image enrol themselves. */
export function EnrolmentKeys() {
  const pages = usePages<EnrolmentKey>('/enrolment-keys');
  const { dialog, ask } = useDialog();
  const { reload } = pages;
  return (
    <>
      <Above hint={t('enrolment.hint')}>
        <AddButton
          text={t('enrolment.add')}
          onClick={() => ask((close) => <AddKey onDone={reload} onClose={close} />)}
        />
      </Above>
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{
          icon: 'key',
          title: t('enrolment.none'),
          hint: <p class="muted">{t('enrolment.none.hint')}</p>,
        }}
        columns={[
          { title: t('column.name'), cell: ({ name }) => <strong>{name}</strong> },
          { title: t('column.domain'), cell: ({ domain }) => domain },
          { title: t('enrolment.prefix'), cell: ({ prefix }) => <span class="mono">{prefix}</span> },
          {
            title: t('enrolment.used'),
            cell: ({ used, uses }) =>
              uses === null ? count(locale(), used) : t('enrolment.usedOf', { used, uses }),
          },
          { title: t('enrolment.approval'), cell: ({ approval }) => (approval ? t('yes') : t('no')) },
          {
            title: t('keys.expires'),
            cell: ({ expires }) =>
              expires === null ? (
                t('grants.always')
              ) : Date.parse(expires) < now.value ? (
                <span class="tag warn">{t('grants.over')}</span>
              ) : (
                <When time={expires} />
              ),
          },
        ]}
        actions={(key) => (
          <button
            type="button"
            class="button small danger"
            onClick={() =>
              ask((close) => (
                <Confirm
                  title={t('keys.revoke.title', { key: key.name })}
                  text={t('enrolment.revoke.hint')}
                  action={t('keys.revoke')}
                  run={async () => {
                    await remove(`/enrolment-keys/${segment(key.id)}`);
                    reload();
                  }}
                  onClose={close}
                />
              ))
            }
          >
            {t('keys.revoke')}
          </button>
        )}
      />
      {dialog}
    </>
  );
}

function AddKey({ onDone, onClose }: { readonly onDone: () => void; readonly onClose: () => void }) {
  const text = useSignal('');
  const domains = useResource(
    () => (may('domains.read') ? all<Domain>('/domains') : Promise.resolve([])),
    [],
  );
  const submit = async (fields: FormData) => {
    const given = (name: string) => textOf(fields, name);
    const uses = given('uses');
    const made = await post<{ readonly text: string }>('/enrolment-keys', {
      name: given('name'),
      domain: given('domain'),
      ...(given('prefix') ? { prefix: given('prefix') } : {}),
      approval: fields.has('approval'),
      ...(uses ? { uses: Number(uses) } : {}),
      ...(given('expires') ? { expires: readLocalTime(given('expires')) } : {}),
    });
    text.value = made.text;
    onDone();
  };
  if (text.value) {
    return (
      <Secret
        title={t('keys.made')}
        hint={t('enrolment.once')}
        label={t('keys.secret')}
        text={text.value}
        line={`rm-agent enroll ${location.origin} ${text.value}`}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog title={t('enrolment.add')} onClose={onClose}>
      <Form submit={submit} action={t('enrolment.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Field name="name" label={t('column.name')} required maxLength={100} wrong={wrong} autofocus />
            {domains.value && domains.value.length > 0 ? (
              <Choice
                name="domain"
                label={t('column.domain')}
                options={domains.value.map(({ id, name }) => [id, name ? `${name} (${id})` : id])}
              />
            ) : (
              <Field name="domain" label={t('column.domain')} required maxLength={64} wrong={wrong} />
            )}
            <Field
              name="uses"
              type="number"
              min={1}
              label={t('enrolment.uses')}
              hint={t('enrolment.uses.hint')}
              wrong={wrong}
            />
            <Field
              name="prefix"
              label={t('enrolment.prefix')}
              hint={t('enrolment.prefix.hint')}
              wrong={wrong}
            />
            <Field
              name="expires"
              type="datetime-local"
              label={t('keys.expires')}
              hint={t('grants.until.hint')}
              wrong={wrong}
            />
            <Check name="approval" label={t('enrolment.approval.long')} />
          </>
        )}
      </Form>
    </Dialog>
  );
}
