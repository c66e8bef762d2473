import { Icon } from './icon.tsx';

/** What adds to the list below it. */
export function AddButton({ text, onClick }: { readonly text: string; readonly onClick: () => void }) {
  return (
    <button type="button" class="button main" onClick={onClick}>
      <Icon name="add" />
      {text}
    </button>
  );
}
