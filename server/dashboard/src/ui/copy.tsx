import { useSignal } from '@preact/signals';
import { t } from '../texts/language.ts';
import { Icon } from './icon.tsx';

/** A line or a file to copy. `label`: what it is, for readers of the screen. */
export function Copy({
  text,
  label,
  block = false,
}: {
  readonly text: string;
  readonly label: string;
  readonly block?: boolean;
}) {
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Pages without TLS have no clipboard but this one.
      copySelected(text);
    }
    copied.value = true;
    setTimeout(() => {
      copied.value = false;
    }, 2_000);
  };
  return (
    <div class={block ? 'copy block' : 'copy'}>
      {/* Long lines scroll, by the keyboard too. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached */}
      {/* biome-ignore lint/a11y/useSemanticElements: it is no group of fields */}
      <code tabIndex={0} role="group" aria-label={label}>
        {text}
      </code>
      <button
        type="button"
        class="button icon"
        onClick={copy}
        title={t('copy')}
        aria-label={`${t('copy')}: ${label}`}
      >
        <Icon name={copied.value ? 'check' : 'copy'} />
      </button>
      <span class="hidden" role="status">
        {copied.value ? t('copied') : ''}
      </span>
    </div>
  );
}

function copySelected(text: string): void {
  const field = document.createElement('textarea');
  field.value = text;
  // A dialog leaves nothing outside of it to be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}

export function saveFile(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
