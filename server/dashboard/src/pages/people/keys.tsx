import { useSignal } from '@preact/signals';
import { post, segment } from '../../api/call.ts';
import type { ApiKey } from '../../api/types.ts';
import { readLocalTime } from '../../state/grant-text.ts';
import { account } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Dialog, Form, useDialog } from '../../ui/dialog.tsx';
import { Check, Field, textOf } from '../../ui/field.tsx';
import { usePages } from '../../ui/list.tsx';
import { RemoveButton } from '../../ui/remove-button.tsx';
import { Secret } from '../../ui/secret.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { Ago, Until } from '../../ui/time.tsx';

/** API keys: one's own, or with `all` those of everybody whom one may see. */
export function Keys({ all = false }: { readonly all?: boolean }) {
  const pages = usePages<ApiKey>('/keys', all ? { all: true } : {});
  const { dialog, ask } = useDialog();
  const { reload } = pages;
  return (
    <>
      <Above hint={t('keys.hint')}>
        <AddButton
          text={t('keys.add')}
          onClick={() => ask((close) => <AddKey forOthers={all} onDone={reload} onClose={close} />)}
        />
      </Above>
      <Table
        pages={pages}
        keyOf={({ id }) => id}
        empty={{ icon: 'key', title: t('keys.none'), hint: <p class="muted">{t('keys.none.hint')}</p> }}
        columns={[
          { title: t('column.name'), cell: ({ name }) => <strong>{name}</strong> },
          ...(all ? [{ title: t('column.user'), cell: ({ user }: ApiKey) => user }] : []),
          {
            title: t('keys.permissions'),
            cell: ({ permissions }) => <span class="mono">{permissions.join(', ')}</span>,
          },
          {
            title: t('keys.used'),
            cell: ({ used, address }) =>
              used === null ? (
                t('device.never')
              ) : (
                <>
                  <Ago time={used} /> <span class="muted mono">{address}</span>
                </>
              ),
          },
          { title: t('keys.expires'), cell: ({ expires }) => <Until time={expires} /> },
        ]}
        actions={(key) => (
          <RemoveButton
            path={`/keys/${segment(key.id)}`}
            action={t('keys.revoke')}
            title={t('keys.revoke.title', { key: key.name })}
            hint={t('keys.revoke.hint')}
            ask={ask}
            onDone={reload}
          />
        )}
      />
      {dialog}
    </>
  );
}

function AddKey({
  forOthers,
  onDone,
  onClose,
}: {
  readonly forOthers: boolean;
  readonly onDone: () => void;
  readonly onClose: () => void;
}) {
  const secret = useSignal('');
  const permissions = account.value?.permissions.map(({ permission }) => permission) ?? [];
  const submit = async (fields: FormData) => {
    const user = textOf(fields, 'user');
    const made = await post<ApiKey & { readonly secret: string }>('/keys', {
      name: textOf(fields, 'name'),
      permissions: fields.getAll('permissions'),
      ...(user ? { user } : {}),
      ...(textOf(fields, 'expires') ? { expires: readLocalTime(textOf(fields, 'expires')) } : {}),
    });
    secret.value = made.secret;
    onDone();
  };
  if (secret.value)
    return (
      <Secret
        title={t('keys.made')}
        hint={t('keys.once')}
        label={t('keys.secret')}
        text={secret.value}
        onClose={onClose}
      />
    );
  return (
    <Dialog title={t('keys.add')} onClose={onClose}>
      <Form submit={submit} action={t('keys.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Field
              name="name"
              label={t('column.name')}
              hint={t('keys.name.hint')}
              required
              maxLength={100}
              wrong={wrong}
              autofocus
            />
            {forOthers && (
              <Field
                name="user"
                label={t('column.user')}
                hint={t('keys.user.hint')}
                maxLength={64}
                wrong={wrong}
              />
            )}
            <fieldset>
              <legend>{t('keys.permissions')}</legend>
              {permissions.map((permission) => (
                <Check
                  key={permission}
                  name="permissions"
                  value={permission}
                  label={permission}
                  checked={permission === 'devices.read'}
                />
              ))}
            </fieldset>
            <Field
              name="expires"
              type="datetime-local"
              label={t('keys.expires')}
              hint={t('grants.until.hint')}
              wrong={wrong}
            />
          </>
        )}
      </Form>
    </Dialog>
  );
}
