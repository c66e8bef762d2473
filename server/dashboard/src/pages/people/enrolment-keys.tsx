import { useSignal } from '@preact/signals';
import { post, segment } from '../../api/call.ts';
import type { EnrolmentKey } from '../../api/types.ts';
import { count } from '../../state/format.ts';
import { readLocalTime } from '../../state/grant-text.ts';
import { locale, t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Dialog, Form, useDialog } from '../../ui/dialog.tsx';
import { DomainField } from '../../ui/domain-field.tsx';
import { Check, Field, textOf } from '../../ui/field.tsx';
import { usePages } from '../../ui/list.tsx';
import { RemoveButton } from '../../ui/remove-button.tsx';
import { Secret } from '../../ui/secret.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { Until } from '../../ui/time.tsx';

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
          { title: t('keys.expires'), cell: ({ expires }) => <Until time={expires} /> },
        ]}
        actions={(key) => (
          <RemoveButton
            path={`/enrolment-keys/${segment(key.id)}`}
            action={t('keys.revoke')}
            title={t('keys.revoke.title', { key: key.name })}
            hint={t('enrolment.revoke.hint')}
            ask={ask}
            onDone={reload}
          />
        )}
      />
      {dialog}
    </>
  );
}

function AddKey({ onDone, onClose }: { readonly onDone: () => void; readonly onClose: () => void }) {
  const text = useSignal('');
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
            <DomainField wrong={wrong} />
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
