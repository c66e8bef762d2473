import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from '../texts/language.ts';
import type { DesktopSession, Fit } from './session.ts';
import { keysyms } from './typed.ts';

/** What opens beside the picture. */
export type Panel = 'clipboard' | 'text';

const fits: readonly Fit[] = ['fit', 'real', 'resize'];
/** Keys that the browser or the system of the user keeps to itself. */
const keys: readonly (readonly [string, readonly number[]])[] = [
  ['Alt+Tab', [keysyms.alt, keysyms.tab]],
  ['Super', [keysyms.super]],
  ['Esc', [keysyms.escape]],
  ['Tab', [keysyms.tab]],
];

export function Toolbar({
  session,
  panel,
  toggle,
}: {
  readonly session: DesktopSession;
  readonly panel: Panel | null;
  readonly toggle: (panel: Panel) => void;
}) {
  const isFull = useSignal(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = () => {
      isFull.value = document.fullscreenElement !== null;
    };
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }, []);
  const viewOnly = session.viewOnly.value;
  const press = (...pressed: readonly number[]) => {
    session.press(...pressed);
    session.focus();
  };
  const fullScreen = async () => {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen();
    session.focus();
  };
  return (
    <fieldset class="tools" aria-label={t('desktop.tools')}>
      <select
        aria-label={t('desktop.picture')}
        value={session.fit.value}
        onChange={({ currentTarget }) => {
          const fit = fits.find((one) => one === currentTarget.value);
          if (fit) session.setFit(fit);
        }}
      >
        {fits.map((fit) => (
          <option key={fit} value={fit}>
            {t(`desktop.picture.${fit}`)}
          </option>
        ))}
      </select>
      <button
        type="button"
        class="button"
        aria-pressed={viewOnly}
        onClick={() => session.setViewOnly(!viewOnly)}
      >
        {t('desktop.viewOnly')}
      </button>
      <button
        type="button"
        class="button"
        disabled={viewOnly}
        onClick={() => {
          session.ctrlAltDel();
          session.focus();
        }}
      >
        {t('desktop.ctrlAltDel')}
      </button>
      <details class="keys">
        <summary class="button">{t('desktop.keys')}</summary>
        <div>
          {keys.map(([label, pressed]) => (
            <button
              key={label}
              type="button"
              class="button"
              disabled={viewOnly}
              onClick={({ currentTarget }) => {
                currentTarget.closest('details')?.removeAttribute('open');
                press(...pressed);
              }}
            >
              {label}
            </button>
          ))}
          <p>{t('desktop.leave')}</p>
        </div>
      </details>
      {(['text', 'clipboard'] as const).map((one) => (
        <button
          key={one}
          type="button"
          class="button"
          aria-expanded={panel === one}
          onClick={() => toggle(one)}
        >
          {t(`desktop.${one}`)}
        </button>
      ))}
      {document.fullscreenEnabled && (
        <button
          type="button"
          class="button"
          aria-pressed={isFull.value}
          onClick={() => fullScreen().catch(() => {})}
        >
          {t('desktop.fullScreen')}
        </button>
      )}
      <button type="button" class="button" onClick={() => session.close()}>
        {t('desktop.close')}
      </button>
    </fieldset>
  );
}
