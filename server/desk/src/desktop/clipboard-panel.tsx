import { useId, useRef, useState } from 'preact/hooks';
import { t } from '../texts/language.ts';
import type { DesktopSession } from './session.ts';

/** Text in each direction in which it may pass; nothing passes by itself. */
export function ClipboardPanel({
  session,
  close,
}: {
  readonly session: DesktopSession;
  readonly close: () => void;
}) {
  const id = useId();
  const given = useRef<HTMLTextAreaElement>(null);
  const { toDevice, fromDevice } = session.clipboard.value;
  const copied = session.copied.value;
  const [lost, setLost] = useState<readonly string[]>([]);
  const send = () => {
    const letters = session.copyToDevice(given.current?.value ?? '');
    setLost(letters);
    if (letters.length === 0) close();
  };
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{t('desktop.clipboard')}</h2>
      {!toDevice && !fromDevice && <p>{t('desktop.clipboard.off')}</p>}
      {toDevice && (
        <div class="field">
          <label for={`${id}-to`}>{t('desktop.clipboard.to')}</label>
          <textarea ref={given} id={`${id}-to`} rows={3} disabled={session.viewOnly.value} />
          <button type="button" class="button main" disabled={session.viewOnly.value} onClick={send}>
            {t('desktop.clipboard.send')}
          </button>
          {lost.length > 0 && (
            <p role="alert">{t('desktop.clipboard.letters', { letters: lost.slice(0, 20).join(' ') })}</p>
          )}
        </div>
      )}
      {toDevice !== fromDevice && (
        <p class="muted">{t(toDevice ? 'desktop.clipboard.onlyTo' : 'desktop.clipboard.onlyFrom')}</p>
      )}
      {fromDevice && (
        <div class="field">
          <label for={`${id}-from`}>{t('desktop.clipboard.from')}</label>
          <textarea id={`${id}-from`} rows={3} readOnly value={copied} />
          <button
            type="button"
            class="button"
            disabled={copied === ''}
            onClick={() => navigator.clipboard.writeText(copied).then(close, () => {})}
          >
            {t('desktop.clipboard.copy')}
          </button>
        </div>
      )}
      <button type="button" class="button" onClick={close}>
        {t('desktop.hide')}
      </button>
    </section>
  );
}
