import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../texts/language.ts';
import { Copy, saveFile } from '../../ui/copy.tsx';

/** Recovery codes that the server has just made, until the user has kept them: they are nowhere else. */
export const newRecoveryCodes = signal<readonly string[]>([]);

/**
 * In the place of the whole page. The log-in that the page began with ends when one-time passwords are switched on, so a call
 * that is under way may be refused: that must not take the codes away.
 */
export function RecoveryCodes() {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    const ask = (event: BeforeUnloadEvent) => {
      if (newRecoveryCodes.value.length > 0) event.preventDefault();
    };
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, []);
  const text = `${newRecoveryCodes.value.join('\n')}\n`;
  const kept = () => {
    newRecoveryCodes.value = [];
    location.reload();
  };
  return (
    <main id="main">
      <div class="head">
        <h1 ref={heading} tabIndex={-1}>
          {t('codes.recovery')}
        </h1>
      </div>
      <section class="card">
        <div class="form">
          <p>{t('codes.recovery.hint')}</p>
          <Copy block text={text} label={t('codes.recovery')} />
          <p>
            <button
              type="button"
              class="button"
              onClick={() => saveFile('recovery-codes.txt', 'text/plain', text)}
            >
              {t('configuration.save')}
            </button>
          </p>
          <p>
            <button type="button" class="button main" onClick={kept}>
              {t('codes.recovery.kept')}
            </button>
          </p>
        </div>
      </section>
    </main>
  );
}
