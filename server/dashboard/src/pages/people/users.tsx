import { useSignal } from '@preact/signals';
import { post, remove, segment } from '../../api/call.ts';
import { Problem } from '../../api/problem.ts';
import type { User } from '../../api/types.ts';
import { beginUser, changeUser } from '../../state/edits.ts';
import { useResource } from '../../state/resource.ts';
import { may, mayAll, me, server } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Fault, Loading } from '../../ui/blank.tsx';
import { Confirm, Dialog, Form, useDialog } from '../../ui/dialog.tsx';
import { Check, Choice, Field, textOf } from '../../ui/field.tsx';
import { Icon } from '../../ui/icon.tsx';
import { usePages } from '../../ui/list.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Above, Table } from '../../ui/table.tsx';
import { When } from '../../ui/time.tsx';
import { done, doneInPart, failed } from '../../ui/toast.tsx';

export function Users() {
  const text = useSignal('');
  const pages = usePages<User>('/users', { text: text.value });
  const { dialog, ask } = useDialog();
  const { reload } = pages;
  const allowed = may('users.write');
  const add = () => ask((close) => <AddUser onDone={reload} onClose={close} />);
  return (
    <>
      <Above hint={t('users.hint')}>{allowed && <AddButton text={t('users.add')} onClick={add} />}</Above>
      <search class="toolbar">
        <div class="search">
          <Icon name="search" />
          <input
            type="search"
            maxLength={100}
            aria-label={t('users.search')}
            placeholder={t('users.search')}
            onInput={(event) => {
              text.value = event.currentTarget.value.trim();
            }}
          />
        </div>
      </search>
      <Table
        pages={pages}
        keyOf={({ name }) => name}
        empty={{ icon: 'people', title: t('users.none'), hint: <p class="muted">{t('users.none.hint')}</p> }}
        columns={[
          {
            title: t('column.user'),
            cell: (user) => (
              <>
                <strong>{user.name}</strong> {user.name === me() && <span class="tag">{t('users.you')}</span>}{' '}
                {user.kind === 'service' && <span class="tag">{t('users.service')}</span>}
                {user.fullName && <div class="muted">{user.fullName}</div>}
              </>
            ),
          },
          { title: t('users.email'), cell: ({ email }) => email },
          {
            title: t('column.role'),
            cell: ({ role }) => (role === 'administrator' ? t('role.administrator') : t('users.byGrants')),
          },
          { title: t('people.groups'), cell: ({ groups }) => groups.join(', ') },
          {
            title: t('users.codes'),
            cell: ({ oneTimePasswords, kind }) =>
              kind === 'service' ? '' : oneTimePasswords ? <span class="tag good">{t('yes')}</span> : t('no'),
          },
          { title: t('column.created'), cell: ({ created }) => <When time={created} /> },
        ]}
        {...(allowed
          ? { actions: (user: User) => <UserActions user={user} ask={ask} reload={reload} /> }
          : {})}
      />
      {dialog}
    </>
  );
}

function UserActions({
  user,
  ask,
  reload,
}: {
  readonly user: User;
  readonly ask: ReturnType<typeof useDialog>['ask'];
  readonly reload: () => void;
}) {
  const path = `/users/${segment(user.name)}`;
  const confirm = (what: string, run: () => Promise<unknown>) =>
    ask((close) => (
      <Confirm
        title={t(`users.${what}.title`, { user: user.name })}
        text={t(`users.${what}.hint`)}
        action={t(`users.${what}`)}
        run={async () => {
          await run();
          done(t('saved'));
          reload();
        }}
        onClose={close}
      />
    ));
  const invite = () =>
    post(`${path}/invitation`).then(() => done(t('users.invited', { user: user.name })), failed);
  return (
    <Menu label={t('users.change.title', { user: user.name })} icon="more" small>
      <button
        type="button"
        class="button plain"
        onClick={() => ask((close) => <ChangeUser user={user} onDone={reload} onClose={close} />)}
      >
        {t('edit')}
      </button>
      {user.kind === 'person' && user.email !== null && server.value?.mail && (
        <button type="button" class="button plain" onClick={invite}>
          {t('users.invite')}
        </button>
      )}
      {user.oneTimePasswords && (
        <button
          type="button"
          class="button plain"
          onClick={() => confirm('noCodes', () => remove(`${path}/one-time-passwords`))}
        >
          {t('users.noCodes')}
        </button>
      )}
      <button
        type="button"
        class="button plain"
        onClick={() => confirm('logOut', () => remove(`${path}/sessions`))}
      >
        {t('users.logOut')}
      </button>
      <button type="button" class="button danger" onClick={() => confirm('remove', () => remove(path))}>
        {t('users.remove')}
      </button>
    </Menu>
  );
}

const roleOptions = () =>
  [
    ['user', t('users.byGrants')],
    ['administrator', t('role.administrator')],
  ] as const;

function AddUser({ onDone, onClose }: { readonly onDone: () => void; readonly onClose: () => void }) {
  const kind = useSignal('person');
  const mail = server.value?.mail ?? false;
  const invite = useSignal(mail);
  const submit = async (fields: FormData) => {
    const given = (name: string) => textOf(fields, name);
    const person = kind.value === 'person';
    const password = fields.get('password');
    const added = post('/users', {
      name: given('name'),
      kind: kind.value,
      role: given('role') || 'user',
      fullName: given('fullName'),
      ...(person && given('email') ? { email: given('email') } : {}),
      ...(person && invite.value ? { invite: true } : {}),
      ...(person && !invite.value && typeof password === 'string' ? { password } : {}),
    });
    try {
      await added;
      done(t('users.added', { user: given('name') }));
    } catch (error) {
      // The user is there: only the mail server has not done its part.
      if (!(error instanceof Problem) || error.status !== 502) throw error;
      doneInPart(t('users.added.noMail', { user: given('name') }));
    }
    onClose();
    onDone();
  };
  return (
    <Dialog title={t('users.add')} onClose={onClose}>
      <Form submit={submit} action={t('users.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Choice
              name="kind"
              label={t('users.kind')}
              value={kind.value}
              options={[
                ['person', t('users.person')],
                ['service', t('users.service.long')],
              ]}
              onChange={(value) => {
                kind.value = value;
              }}
            />
            <Field
              name="name"
              label={t('users.name')}
              required
              maxLength={64}
              wrong={wrong}
              autocomplete="off"
              autofocus
            />
            <Field
              name="fullName"
              label={t('users.fullName')}
              maxLength={100}
              wrong={wrong}
              autocomplete="off"
            />
            {kind.value === 'person' && (
              <>
                <Field
                  name="email"
                  type="email"
                  label={t('users.email')}
                  required={invite.value}
                  wrong={wrong}
                  autocomplete="off"
                />
                {mail && (
                  <Check
                    name="invite"
                    label={t('users.invite.byMail')}
                    checked
                    onChange={(on) => {
                      invite.value = on;
                    }}
                  />
                )}
                {!invite.value && (
                  <Field
                    name="password"
                    type="password"
                    label={t('password')}
                    hint={t('password.rules')}
                    required
                    minLength={10}
                    autocomplete="new-password"
                    wrong={wrong}
                  />
                )}
              </>
            )}
            {mayAll('users.write') && (
              <Choice
                name="role"
                label={t('column.role')}
                options={roleOptions()}
                hint={t('users.role.hint')}
              />
            )}
          </>
        )}
      </Form>
    </Dialog>
  );
}

function ChangeUser({
  user,
  onDone,
  onClose,
}: {
  readonly user: User;
  readonly onDone: () => void;
  readonly onClose: () => void;
}) {
  const read = useResource((signal) => beginUser(user.name, signal), [user.name]);
  const title = t('users.change.title', { user: user.name });
  const edited = read.value;
  if (!edited) {
    return (
      <Dialog title={title} onClose={onClose}>
        {read.fault === null ? <Loading /> : <Fault fault={read.fault} retry={read.reload} />}
      </Dialog>
    );
  }
  const { value: present } = edited;
  const submit = async (fields: FormData) => {
    const password = fields.get('password');
    await changeUser(edited, {
      fullName: textOf(fields, 'fullName'),
      email: textOf(fields, 'email'),
      role: textOf(fields, 'role'),
      password: typeof password === 'string' ? password : '',
    });
    done(t('saved'));
    onClose();
    onDone();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form submit={submit} action={t('save')} cancel={onClose}>
        {(wrong) => (
          <>
            <Field
              name="fullName"
              label={t('users.fullName')}
              defaultValue={present.fullName}
              maxLength={100}
              wrong={wrong}
            />
            {present.kind === 'person' && (
              <>
                <Field
                  name="email"
                  type="email"
                  label={t('users.email')}
                  defaultValue={present.email ?? ''}
                  wrong={wrong}
                />
                <Field
                  name="password"
                  type="password"
                  label={t('password.new')}
                  hint={t('users.password.hint')}
                  minLength={10}
                  autocomplete="new-password"
                  wrong={wrong}
                />
              </>
            )}
            {mayAll('users.write') && (
              <Choice name="role" label={t('column.role')} value={present.role} options={roleOptions()} />
            )}
          </>
        )}
      </Form>
    </Dialog>
  );
}
