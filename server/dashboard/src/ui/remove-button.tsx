import { remove } from '../api/call.ts';
import { Confirm, type useDialog } from './dialog.tsx';

/** Removes what stands at `path` of the API, once `ask` has asked whether to. */
export function RemoveButton({
  path,
  action,
  title,
  hint,
  ask,
  onDone,
}: {
  readonly path: string;
  /** The word for it, on both buttons. */
  readonly action: string;
  readonly title: string;
  readonly hint: string;
  readonly ask: ReturnType<typeof useDialog>['ask'];
  readonly onDone: () => void;
}) {
  const run = async () => {
    await remove(path);
    onDone();
  };
  return (
    <button
      type="button"
      class="button small danger"
      onClick={() =>
        ask((close) => <Confirm title={title} text={hint} action={action} run={run} onClose={close} />)
      }
    >
      {action}
    </button>
  );
}
