import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Opening } from '../../../dashboard/src/desk/messages.ts';
import type { BrowserKey } from '../ssh/browser-key.ts';
import { t } from '../texts/language.ts';
import type { Stage, TerminalSession } from './terminal-session.ts';

interface Shown<At extends Stage['at']> {
  readonly session: TerminalSession;
  readonly stage: Extract<Stage, { readonly at: At }>;
  readonly opening: Opening;
}

/** What a terminal waits for, over its screen. */
export function StageOver({
  session,
  opening,
}: {
  readonly session: TerminalSession;
  readonly opening: Opening;
}) {
  const stage = session.stage.value;
  switch (stage.at) {
    case 'connecting':
      return (
        <p class="over" role="status">
          {t('connecting', { device: opening.name || opening.device })}
        </p>
      );
    case 'atServer':
    case 'recorded':
      return <Confirm session={session} opening={opening} reason={stage.at} />;
    case 'hostKey':
      return <HostKey session={session} stage={stage} opening={opening} />;
    case 'logIn':
      return <LogIn session={session} stage={stage} opening={opening} />;
    case 'questions':
      return <Asked stage={stage} opening={opening} />;
    case 'over':
      return <Over session={session} stage={stage} opening={opening} />;
    default:
      return null;
  }
}

/** Asks before SSH ends at the server: where others could read it, or because it is recorded. */
function Confirm({
  session,
  opening,
  reason,
}: {
  readonly session: TerminalSession;
  readonly opening: Opening;
  readonly reason: 'atServer' | 'recorded';
}) {
  const refused = reason === 'atServer' ? 'ssh.algorithms' : 'recorded.refused';
  return (
    <div class="over loud" role="alert">
      <h2>{t(reason, { device: opening.name || opening.device })}</h2>
      <p>{t(`${reason}.hint`)}</p>
      <p class="actions">
        <button type="button" class="button" onClick={() => session.end(t(refused), true)}>
          {t('hostKey.refuse')}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            session.connectAtServer().catch(() => {});
          }}
        >
          {t(`${reason}.connect`)}
        </button>
      </p>
    </div>
  );
}

function HostKey({ session, stage: { key, known }, opening }: Shown<'hostKey'>) {
  const changed = known !== null;
  const sure = useSignal(false);
  const device = opening.name || opening.device;
  return (
    <div class={changed ? 'over loud' : 'over'} role={changed ? 'alert' : 'status'}>
      <h2>{t(changed ? 'hostKey.changed' : 'hostKey.new', { device })}</h2>
      <p>{t(changed ? 'hostKey.changed.hint' : 'hostKey.new.hint')}</p>
      <dl>
        <dt>{t('hostKey.shown')}</dt>
        <dd>
          <code>{`${key.type} ${key.fingerprint}`}</code>
        </dd>
        {known && (
          <>
            <dt>{t('hostKey.known', { user: known.addedBy })}</dt>
            <dd>
              <code>{`${known.key.split(' ')[0]} ${known.fingerprint}`}</code>
            </dd>
          </>
        )}
      </dl>
      {changed && (
        <label>
          <input
            type="checkbox"
            checked={sure.value}
            onChange={({ currentTarget }) => {
              sure.value = currentTarget.checked;
            }}
          />{' '}
          {t('hostKey.sure')}
        </label>
      )}
      <p class="actions">
        <button type="button" class="button" onClick={() => session.end(t('hostKey.refused'), true)}>
          {t('hostKey.refuse')}
        </button>
        <button
          type="button"
          class={changed ? 'button' : 'button main'}
          disabled={changed && !sure.value}
          onClick={() => {
            session.trust(key, known).catch(() => {});
          }}
        >
          {t(changed ? 'hostKey.replace' : 'hostKey.trust')}
        </button>
      </p>
    </div>
  );
}

function LogIn({ session, stage: { failed, browserKey } }: Shown<'logIn'>) {
  const user = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  const noKeys = useSignal(false);
  useEffect(() => (user.current?.value ? password : user).current?.focus(), []);
  const name = () => {
    const text = user.current?.value.trim() ?? '';
    if (text === '') user.current?.focus();
    else lastUser = text;
    return text;
  };
  return (
    <form
      class="over"
      onSubmit={(event) => {
        event.preventDefault();
        const field = password.current;
        if (name() === '' || !field) return;
        session.logIn({ by: 'password', user: name(), password: field.value }).catch(() => {});
        field.value = '';
      }}
    >
      <h2>{t('logIn')}</h2>
      {failed && (
        <p class="bad" role="alert">
          {t('logIn.failed')}
        </p>
      )}
      <label>
        {t('logIn.user')}
        <input
          ref={user}
          name="ssh-user"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          defaultValue={lastUser}
        />
      </label>
      <label>
        {t('logIn.password')}
        <input ref={password} type="password" name="ssh-password" autocomplete="off" />
      </label>
      <p class="muted">{t(session.isAtServer.value ? 'atServer.now' : 'logIn.hint')}</p>
      <p class="actions">
        <button type="submit" class="button main">
          {t('logIn.byPassword')}
        </button>
        {browserKey !== null && (
          <button
            type="button"
            class="button"
            onClick={() => {
              if (name() !== '') session.logIn({ by: 'key', user: name() }).catch(() => {});
            }}
          >
            {t('logIn.byKey')}
          </button>
        )}
        {browserKey === null && (
          <button
            type="button"
            class="button"
            onClick={() => {
              session.makeKey().catch(() => {
                noKeys.value = true;
              });
            }}
          >
            {t('key.make')}
          </button>
        )}
      </p>
      {noKeys.value && (
        <p class="bad" role="alert">
          {t('key.cannot')}
        </p>
      )}
      {browserKey && <PublicKey browserKey={browserKey} />}
    </form>
  );
}

/** What the device asks beside the password; its words are shown as they are. */
function Asked({ stage: { asked, answer }, opening }: Omit<Shown<'questions'>, 'session'>) {
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const fields = () => [...(form.current?.querySelectorAll('input') ?? [])];
  useEffect(() => fields()[0]?.focus(), []);
  return (
    <form
      ref={form}
      class="over"
      onSubmit={(event) => {
        event.preventDefault();
        answer(fields().map(({ value }) => value));
      }}
    >
      <h2>{t('questions', { device: opening.name || opening.device })}</h2>
      {[asked.title, asked.instruction]
        .filter((text) => text !== '')
        .map((text) => (
          <p key={text} class="said">
            {text}
          </p>
        ))}
      {asked.questions.map(({ text, isShown }, at) => {
        const field = `${id}-${at}`;
        return (
          <label key={field} for={field}>
            {text}
            {isShown ? (
              <input id={field} autocomplete="off" autocapitalize="none" spellcheck={false} />
            ) : (
              <input id={field} type="password" autocomplete="off" />
            )}
          </label>
        );
      })}
      <p class="actions">
        <button type="submit" class="button main">
          {t('questions.answer')}
        </button>
      </p>
    </form>
  );
}

/** The name of the last log-in, for further tabs of this page. */
let lastUser = '';

function PublicKey({ browserKey: { line, isKept } }: { readonly browserKey: BrowserKey }) {
  const copied = useSignal(false);
  return (
    <div class="key">
      <p class="muted">{t('key.hint')}</p>
      {!isKept && <p class="muted">{t('key.notKept')}</p>}
      <code>{line}</code>
      <button
        type="button"
        class="button"
        onClick={() => {
          navigator.clipboard.writeText(line).then(
            () => {
              copied.value = true;
            },
            () => {},
          );
        }}
      >
        {t(copied.value ? 'key.copied' : 'key.copy')}
      </button>
    </div>
  );
}

function Over({ session, stage: { why, again } }: Shown<'over'>) {
  return (
    <div class="over" role="alert">
      <p>{why}</p>
      {again && (
        <button
          type="button"
          class="button main"
          onClick={() => {
            session.connect().catch(() => {});
          }}
        >
          {t('again')}
        </button>
      )}
    </div>
  );
}
