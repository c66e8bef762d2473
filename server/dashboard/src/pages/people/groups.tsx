import { post, put, remove, segment } from '../../api/call.ts';
import type { Group } from '../../api/types.ts';
import { may } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Dialog, Form, useDialog } from '../../ui/dialog.tsx';
import { Field, textOf } from '../../ui/field.tsx';
import { More, usePages } from '../../ui/list.tsx';
import { RemoveButton } from '../../ui/remove-button.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { When } from '../../ui/time.tsx';
import { done, failed } from '../../ui/toast.tsx';

export function Groups() {
  const pages = usePages<Group>('/groups');
  const { dialog, ask } = useDialog();
  const { reload } = pages;
  const allowed = may('users.write');
  return (
    <>
      <Above hint={t('groups.hint')}>
        {allowed && (
          <AddButton
            text={t('groups.add')}
            onClick={() => ask((close) => <AddGroup onDone={reload} onClose={close} />)}
          />
        )}
      </Above>
      <Table
        pages={pages}
        keyOf={({ name }) => name}
        empty={{
          icon: 'people',
          title: t('groups.none'),
          hint: <p class="muted">{t('groups.none.hint')}</p>,
        }}
        columns={[
          { title: t('column.group'), cell: ({ name }) => <strong>{name}</strong> },
          { title: t('column.description'), cell: ({ description }) => description },
          { title: t('groups.members'), cell: ({ members }) => String(members) },
          { title: t('column.created'), cell: ({ created }) => <When time={created} /> },
        ]}
        actions={(group) => (
          <>
            <button
              type="button"
              class="button small"
              onClick={() =>
                ask((close) => (
                  <Members
                    group={group}
                    allowed={allowed}
                    onClose={() => {
                      close();
                      reload();
                    }}
                  />
                ))
              }
            >
              {t('groups.members')}
            </button>
            {allowed && (
              <RemoveButton
                path={`/groups/${segment(group.name)}`}
                action={t('remove')}
                title={t('groups.remove.title', { group: group.name })}
                hint={t('groups.remove.hint')}
                ask={ask}
                onDone={reload}
              />
            )}
          </>
        )}
      />
      {dialog}
    </>
  );
}

function AddGroup({ onDone, onClose }: { readonly onDone: () => void; readonly onClose: () => void }) {
  const submit = async (fields: FormData) => {
    await post('/groups', { name: textOf(fields, 'name'), description: textOf(fields, 'description') });
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('groups.add')} onClose={onClose}>
      <Form submit={submit} action={t('groups.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Field name="name" label={t('column.name')} required maxLength={64} wrong={wrong} autofocus />
            <Field name="description" label={t('column.description')} maxLength={200} wrong={wrong} />
          </>
        )}
      </Form>
    </Dialog>
  );
}

interface Member {
  readonly user: string;
  readonly source: string;
}

function Members({
  group,
  allowed,
  onClose,
}: {
  readonly group: Group;
  readonly allowed: boolean;
  readonly onClose: () => void;
}) {
  const path = `/groups/${segment(group.name)}/members`;
  const { items, reload, more } = usePages<Member>(path);
  const submit = async (fields: FormData) => {
    await put(`${path}/${segment(textOf(fields, 'user'))}`);
    reload();
  };
  const leave = (user: string) => remove(`${path}/${segment(user)}`).then(reload, failed);
  return (
    <Dialog title={t('groups.membersOf', { group: group.name })} onClose={onClose}>
      {items?.length === 0 && <p class="muted">{t('groups.noMembers')}</p>}
      {items && items.length > 0 && (
        <table>
          <tbody>
            {items.map(({ user, source }) => (
              <tr key={user}>
                <td>{user}</td>
                <td class="muted">{source === 'manual' ? '' : source}</td>
                <td class="actions">
                  {allowed && (
                    <button
                      type="button"
                      class="button small"
                      aria-label={`${t('remove')}: ${user}`}
                      onClick={() => leave(user)}
                    >
                      {t('remove')}
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More more={more} />
      {allowed && (
        <Form submit={submit} action={t('add')}>
          {(wrong) => <Field name="user" label={t('column.user')} required maxLength={64} wrong={wrong} />}
        </Form>
      )}
      <div class="buttons">
        <button
          type="button"
          class="button"
          onClick={() => {
            done(t('saved'));
            onClose();
          }}
        >
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}
