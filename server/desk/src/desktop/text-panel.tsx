import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../texts/language.ts';
import type { DesktopSession } from './session.ts';
import { typedBetween } from './typed.ts';

/** Before what is typed: something unseen to remove. Keyboards of phones tell of a removed character, and of no key for it. */
const filler = '\u200b'.repeat(32);
/** Then the field begins anew, so that it does not grow for ever. */
const mostCharacters = 256;

/**
 * A field from which everything goes on to the device: for the keyboards of phones, for input methods, and for accents of two keys,
 * which a page gets as text and not as keys.
 */
export function TextPanel({
  session,
  close,
}: {
  readonly session: DesktopSession;
  readonly close: () => void;
}) {
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const sent = useRef(filler);
  const begin = () => {
    sent.current = filler;
    if (field.current) field.current.value = filler;
  };
  useEffect(() => {
    begin();
    field.current?.focus();
  }, []);
  const onInput = (event: InputEvent) => {
    // The input method has not decided yet.
    if (event.isComposing || !field.current) return;
    const { value } = field.current;
    session.type(typedBetween(sent.current, value));
    sent.current = value;
    if (value.length === 0 || value.length > mostCharacters) begin();
  };
  return (
    <section class="panel" aria-labelledby={id}>
      <h2 id={id}>{t('desktop.text')}</h2>
      <p class="muted" id={`${id}-more`}>
        {t('desktop.text.hint')}
      </p>
      <textarea
        ref={field}
        rows={2}
        aria-labelledby={id}
        aria-describedby={`${id}-more`}
        autocapitalize="off"
        autocomplete="off"
        spellcheck={false}
        disabled={session.viewOnly.value}
        onInput={onInput}
        onCompositionEnd={(event) => onInput(new InputEvent('input', { data: event.data }))}
      />
      <button type="button" class="button" onClick={close}>
        {t('desktop.hide')}
      </button>
    </section>
  );
}
