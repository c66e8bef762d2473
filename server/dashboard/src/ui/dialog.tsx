import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Problem } from '../api/problem.ts';
import { t } from '../texts/language.ts';
import { explain } from './explain.ts';

/** A window over the page. Escape and `onClose` close it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const shown = useRef(true);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      // The event comes when another window may stand in the place of this one.
      shown.current = false;
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={() => shown.current && onClose()}>
      <div class="inner">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

/** What is wrong with what was given: a message for all, and one for each field. */
export interface Wrong {
  readonly message: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** A form that does something at the server. While it does, its button waits; what is wrong is said in it. */
export function Form({
  submit,
  action,
  danger = false,
  cancel,
  children,
}: {
  /** Rejects with what the server says. */
  readonly submit: (fields: FormData) => Promise<void>;
  readonly action: string;
  readonly danger?: boolean;
  readonly cancel?: () => void;
  readonly children: (wrong: Wrong) => ComponentChildren;
}) {
  const busy = useSignal(false);
  const wrong = useSignal<Wrong>({ message: '', fields: new Map() });
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget;
    if (busy.value || !(form instanceof HTMLFormElement)) return;
    busy.value = true;
    wrong.value = { message: '', fields: new Map() };
    try {
      await submit(new FormData(form));
    } catch (error) {
      const fields = error instanceof Problem ? error.fields : new Map();
      wrong.value = { message: explain(error), fields };
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="form" onSubmit={onSubmit} noValidate={false}>
      {children(wrong.value)}
      {wrong.value.message && (
        <p class="wrong" role="alert">
          {wrong.value.message}
        </p>
      )}
      <div class={cancel ? 'buttons' : ''}>
        {cancel && (
          <button type="button" class="button" onClick={cancel}>
            {t('cancel')}
          </button>
        )}
        <button type="submit" class={danger ? 'button danger' : 'button main'} aria-disabled={busy.value}>
          {busy.value ? t('working') : action}
        </button>
      </div>
    </form>
  );
}

/** Asks before something is done. */
export function Confirm({
  title,
  text,
  action,
  run,
  onClose,
}: {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly run: () => Promise<void>;
  readonly onClose: () => void;
}) {
  const submit = async () => {
    await run();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form submit={submit} action={action} danger cancel={onClose}>
        {() => <p>{text}</p>}
      </Form>
    </Dialog>
  );
}

/** What a page asks, one at a time: `ask(close => <Confirm … onClose={close} />)`. */
export function useDialog() {
  const shown = useSignal<((close: () => void) => ComponentChildren) | null>(null);
  const close = () => {
    shown.value = null;
  };
  const ask = (content: (close: () => void) => ComponentChildren) => {
    shown.value = content;
  };
  return { dialog: shown.value?.(close) ?? null, ask };
}
