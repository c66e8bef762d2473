import { useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Bridge } from '../bridge/bridge.ts';
import { limits } from '../limits.ts';
import { sayRefused } from '../page/say.ts';
import { t } from '../texts/language.ts';
import type { Credential, DesktopSession } from './session.ts';

/** In the place of the picture: what is waited for, what is asked, or why it has ended. */
export function Notice({ session, bridge }: { readonly session: DesktopSession; readonly bridge: Bridge }) {
  const { device, name, port } = bridge.opening;
  const again = () => void session.connect().catch(() => {});
  const state = session.state.value;
  switch (state.is) {
    case 'asking':
      return <Credentials session={session} fields={state.fields} device={name || device} />;
    case 'verifying':
      return (
        <section class="notice">
          <h2>{t('desktop.key')}</h2>
          <code>{state.fingerprint}</code>
          <p class="muted">{t('desktop.key.hint')}</p>
          <div class="choices">
            <button type="button" class="button main" onClick={() => session.trust()}>
              {t('desktop.key.trust')}
            </button>
            <button type="button" class="button" onClick={() => session.close()}>
              {t('desktop.cancel')}
            </button>
          </div>
        </section>
      );
    case 'refused':
      return <End text={sayRefused(state.error, port)} reason="" again={again} />;
    case 'over': {
      const { end } = state;
      const text = t(end.key, { port: String(port) });
      return <End text={text} reason={end.reason} again={end.again ? again : null} />;
    }
    default:
      return <Connecting device={name || device} port={port} />;
  }
}

function Connecting({ device, port }: { readonly device: string; readonly port: number }) {
  const isSlow = useSignal(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      isSlow.value = true;
    }, limits.slowMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <section class="notice" role="status">
      <h2>{t('connecting', { device })}</h2>
      {isSlow.value && <p class="muted">{t('desktop.slow', { port: String(port) })}</p>}
    </section>
  );
}

function End({
  text,
  reason,
  again,
}: {
  readonly text: string;
  readonly reason: string;
  readonly again: (() => void) | null;
}) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return (
    <section class="notice" role="alert">
      <h2>{text}</h2>
      {reason !== '' && <p class="muted">{t('desktop.reason', { reason })}</p>}
      {again && (
        <button ref={button} type="button" class="button main" onClick={again}>
          {t('again')}
        </button>
      )}
    </section>
  );
}

/** Asks for what the VNC server wants. It is sent, and kept nowhere. */
function Credentials({
  session,
  fields,
  device,
}: {
  readonly session: DesktopSession;
  readonly fields: readonly Credential[];
  readonly device: string;
}) {
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus(), []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!form.current) return;
    const given = new FormData(form.current);
    session.answer(Object.fromEntries(fields.map((field) => [field, String(given.get(field) ?? '')])));
  };
  return (
    <form class="notice" ref={form} onSubmit={submit} autocomplete="off">
      <h2>{t('desktop.asks', { device })}</h2>
      {fields.map((field) => (
        <div key={field} class="field">
          <label for={`${id}-${field}`}>{t(`desktop.${field}`)}</label>
          {field === 'password' ? (
            <input type="password" id={`${id}-${field}`} name={field} autocomplete="off" required />
          ) : (
            <input type="text" id={`${id}-${field}`} name={field} autocomplete="off" required />
          )}
        </div>
      ))}
      <p class="muted">{t('desktop.notKept')}</p>
      <div class="choices">
        <button type="submit" class="button main">
          {t('desktop.logIn')}
        </button>
        <button type="button" class="button" onClick={() => session.close()}>
          {t('desktop.cancel')}
        </button>
      </div>
    </form>
  );
}
