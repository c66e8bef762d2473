import { signal } from '@preact/signals';
import { t } from '../texts/language.ts';
import { explain } from './explain.ts';

interface Toast {
  readonly key: number;
  readonly text: string;
  readonly bad: boolean;
}

const toasts = signal<readonly Toast[]>([]);
const shownMs = 6_000;
const most = 4;
let last = 0;

function show(text: string, bad: boolean): void {
  const toast = { key: ++last, text, bad };
  toasts.value = [...toasts.value, toast].slice(-most);
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one !== toast);
  }, shownMs);
}

/** Says that something is done. */
export const done = (text: string): void => show(text, false);
/** Says that something is done, but not all of it. */
export const doneInPart = (text: string): void => show(text, true);
/** Says what has failed. */
export const failed = (fault: unknown): void => show(explain(fault), true);

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-label={t('toasts')}>
      {toasts.value.map(({ key, text, bad }) => (
        <div key={key} class={bad ? 'toast bad' : 'toast'}>
          {text}
        </div>
      ))}
    </div>
  );
}
