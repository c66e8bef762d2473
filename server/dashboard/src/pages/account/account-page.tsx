import { useSignal } from '@preact/signals';
import { get, post, put, remove, segment } from '../../api/call.ts';
import type { Session } from '../../api/types.ts';
import { useResource } from '../../state/resource.ts';
import { accountTabs } from '../../state/router.ts';
import { account, choose, preferences } from '../../state/session.ts';
import { offeredLanguages, t, useLanguage } from '../../texts/language.ts';
import { Copy } from '../../ui/copy.tsx';
import { Form } from '../../ui/dialog.tsx';
import { Choice, Field, textOf } from '../../ui/field.tsx';
import { Table } from '../../ui/table.tsx';
import { Tabs } from '../../ui/tabs.tsx';
import { Ago } from '../../ui/time.tsx';
import { done, failed } from '../../ui/toast.tsx';
import { Keys } from '../people/keys.tsx';
import { newRecoveryCodes } from './recovery-codes.tsx';

/** What belongs to the user who is logged in. */
export function AccountPage({ tab }: { readonly tab: string }) {
  const path = (one: string) => `/dashboard/account/${one}`;
  return (
    <>
      <div class="head">
        <h1>{t('account.title')}</h1>
        <div class="actions">
          <form method="post" action="/log-out">
            <button type="submit" class="button">
              {t('logOut')}
            </button>
          </form>
        </div>
      </div>
      <Tabs
        label={t('account.title')}
        current={path(tab)}
        tabs={accountTabs.map((one) => [path(one), t(`account.${one}`)])}
      />
      {tab === 'profile' && <Profile />}
      {tab === 'password' && <Password />}
      {tab === 'codes' && <Codes />}
      {tab === 'sessions' && <Sessions />}
      {tab === 'keys' && <Keys />}
    </>
  );
}

function Profile() {
  const { user, permissions } = account.value ?? {};
  if (!user || !permissions) return null;
  const { language = '', theme = '' } = preferences.value;
  const setLanguage = async (value: string) => {
    try {
      await choose(() => ({ language: value || undefined }));
      await useLanguage(value || undefined);
    } catch (error) {
      failed(error);
    }
  };
  return (
    <div class="columns">
      <section class="card">
        <header>
          <h2>{t('account.look')}</h2>
        </header>
        <div class="form">
          <Choice
            name="language"
            label={t('account.language')}
            value={language}
            options={[['', t('account.ofBrowser')], ...offeredLanguages()]}
            onChange={setLanguage}
          />
          <Choice
            name="theme"
            label={t('account.theme')}
            value={theme}
            options={[
              ['', t('account.ofSystem')],
              ['light', t('account.light')],
              ['dark', t('account.dark')],
            ]}
            onChange={(value) =>
              choose(() => ({ theme: value === 'light' || value === 'dark' ? value : undefined })).catch(
                failed,
              )
            }
          />
        </div>
      </section>
      <section class="card">
        <header>
          <h2>{t('account.who')}</h2>
        </header>
        <dl class="facts">
          <dt>{t('column.user')}</dt>
          <dd>{user.name}</dd>
          {user.fullName && (
            <>
              <dt>{t('users.fullName')}</dt>
              <dd>{user.fullName}</dd>
            </>
          )}
          {user.email && (
            <>
              <dt>{t('users.email')}</dt>
              <dd>{user.email}</dd>
            </>
          )}
          {user.groups.length > 0 && (
            <>
              <dt>{t('people.groups')}</dt>
              <dd>{user.groups.join(', ')}</dd>
            </>
          )}
          <dt>{t('account.may')}</dt>
          <dd>
            <ul class="tags" style={{ listStyle: 'none' }}>
              {permissions.map(({ permission, extent }) => (
                <li key={permission} class="tag">
                  {permission}
                  {extent !== null && (
                    <span class="muted">
                      {extent.domains.join(', ') || t('account.devices', { n: extent.devices })}
                    </span>
                  )}
                </li>
              ))}
            </ul>
          </dd>
        </dl>
      </section>
    </div>
  );
}

/** What the server asks for before it changes an account. */
function Proof({ wrong }: { readonly wrong: Parameters<typeof Field>[0]['wrong'] & object }) {
  return (
    <>
      <Field
        name="password"
        type="password"
        label={t('password.present')}
        required
        autocomplete="current-password"
        wrong={wrong}
      />
      {account.value?.user.oneTimePasswords && (
        <Field
          name="code"
          label={t('codes.code')}
          required
          autocomplete="one-time-code"
          inputMode="numeric"
          wrong={wrong}
        />
      )}
    </>
  );
}

function proofOf(fields: FormData): { readonly password: string; readonly code?: string } {
  const password = fields.get('password');
  const code = textOf(fields, 'code');
  return { password: typeof password === 'string' ? password : '', ...(code ? { code } : {}) };
}

function Password() {
  const submit = async (fields: FormData) => {
    await post('/account/password', { ...proofOf(fields), newPassword: String(fields.get('newPassword')) });
    done(t('password.changed'));
    document.querySelector<HTMLFormElement>('main form.form')?.reset();
  };
  return (
    <section class="card">
      <Form submit={submit} action={t('password.change')}>
        {(wrong) => (
          <>
            <input
              type="hidden"
              name="username"
              autocomplete="username"
              value={account.value?.user.name ?? ''}
            />
            <Proof wrong={wrong} />
            <Field
              name="newPassword"
              type="password"
              label={t('password.new')}
              hint={t('password.rules')}
              required
              minLength={10}
              autocomplete="new-password"
              wrong={wrong}
            />
            <p class="muted">{t('password.hint')}</p>
          </>
        )}
      </Form>
    </section>
  );
}

interface Setup {
  readonly secret: string;
  readonly uri: string;
  readonly ticket: string;
  readonly qr: { readonly size: number; readonly path: string };
}

/** One-time passwords: the QR code, the first code, and recovery codes. */
function Codes() {
  const setup = useSignal<Setup | null>(null);
  const on = account.value?.user.oneTimePasswords ?? false;
  const begin = async (fields: FormData) => {
    setup.value = await post<Setup>('/account/one-time-passwords', proofOf(fields));
  };
  const confirm = async (fields: FormData) => {
    const ticket = setup.value?.ticket;
    const made = await put<{ readonly recoveryCodes: readonly string[] }>('/account/one-time-passwords', {
      ticket,
      code: textOf(fields, 'code'),
    });
    newRecoveryCodes.value = made.recoveryCodes;
  };
  if (setup.value) {
    const { qr, secret } = setup.value;
    return (
      <section class="card">
        <Form
          submit={confirm}
          action={t('codes.confirm')}
          cancel={() => {
            setup.value = null;
          }}
        >
          {(wrong) => (
            <>
              <p>{t('codes.scan')}</p>
              <svg
                class="qr"
                viewBox={`0 0 ${qr.size} ${qr.size}`}
                role="img"
                aria-label={t('codes.qr')}
                shape-rendering="crispEdges"
              >
                <path d={qr.path} />
              </svg>
              <div class="field">
                <span>{t('codes.byHand')}</span>
                <Copy text={secret} label={t('codes.secret')} />
              </div>
              <Field
                name="code"
                label={t('codes.first')}
                required
                inputMode="numeric"
                autocomplete="one-time-code"
                wrong={wrong}
              />
            </>
          )}
        </Form>
      </section>
    );
  }
  return (
    <section class="card">
      <Form submit={begin} action={on ? t('codes.again') : t('codes.begin')}>
        {(wrong) => (
          <>
            <p>
              {on ? (
                <span class="tag good">{t('codes.on')}</span>
              ) : (
                <span class="tag warn">{t('codes.off')}</span>
              )}
            </p>
            <p class="muted">{t('codes.hint')}</p>
            <Proof wrong={wrong} />
          </>
        )}
      </Form>
    </section>
  );
}

function Sessions() {
  const { value, fault, reload } = useResource(
    async (stop) => (await get<{ readonly items: readonly Session[] }>('/account/sessions', {}, stop)).items,
    [],
  );
  const end = (id: string) => remove(`/account/sessions/${segment(id)}`).then(reload, failed);
  return (
    <Table
      pages={{ items: value, fault, reload, more: null }}
      keyOf={({ id }) => id}
      columns={[
        {
          title: t('sessions.what'),
          cell: ({ kind, device, current, agent }) => (
            <>
              {t(`sessions.${kind}`)} {device !== null && <code>{device}</code>}{' '}
              {current && <span class="tag good">{t('sessions.current')}</span>}
              <div class="muted">{agent}</div>
            </>
          ),
        },
        { title: t('sessions.used'), cell: ({ used }) => <Ago time={used} /> },
        { title: t('column.address'), cell: ({ address }) => <span class="mono">{address}</span> },
        { title: t('sessions.expires'), cell: ({ expires }) => <Ago time={expires} /> },
      ]}
      actions={({ id, current }) =>
        !current && (
          <button type="button" class="button small" onClick={() => end(id)}>
            {t('sessions.end')}
          </button>
        )
      }
    />
  );
}
