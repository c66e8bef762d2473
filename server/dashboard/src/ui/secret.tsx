import { t } from '../texts/language.ts';
import { Copy } from './copy.tsx';
import { Dialog } from './dialog.tsx';

/** Something that is shown once. */
export function Secret({
  title,
  hint,
  label,
  text,
  line,
  onClose,
}: {
  readonly title: string;
  readonly hint: string;
  readonly label: string;
  readonly text: string;
  /** A command that uses it. */
  readonly line?: string;
  readonly onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{hint}</p>
      <Copy text={text} label={label} />
      {line && <Copy text={line} label={t('devices.first.copy')} />}
      <div class="buttons">
        <button type="button" class="button main" onClick={onClose}>
          {t('close')}
        </button>
      </div>
    </Dialog>
  );
}
