import { h, type InputEventHandler } from 'preact';
import { useId } from 'preact/hooks';
import type { Wrong } from './dialog.tsx';

export interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
  readonly wrong?: Wrong;
  readonly type?: 'text' | 'password' | 'email' | 'number' | 'datetime-local';
  readonly value?: string;
  readonly defaultValue?: string;
  readonly required?: boolean;
  readonly min?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly autocomplete?: string;
  /** ID of the `datalist` with what is offered. */
  readonly list?: string;
  readonly inputMode?: 'numeric' | 'decimal' | 'text';
  readonly autofocus?: boolean;
  readonly onInput?: InputEventHandler<HTMLInputElement>;
}

/** The types of Preact have one of `<input>` for each `type`, and none for any. */
const input: string = 'input';

/** A field with its label. `name` is that of the API, by which the server says what is wrong. */
export function Field({ label, name, hint, wrong, ...attributes }: FieldProps) {
  const id = useId();
  const fault = wrong?.fields.get(name);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {h(input, {
        ...attributes,
        id,
        name,
        'aria-invalid': fault !== undefined,
        ...(hint || fault ? { 'aria-describedby': `${id}-more` } : {}),
      })}
      {(hint || fault) && (
        <span id={`${id}-more`} class={fault ? 'wrong' : 'hint'}>
          {fault ?? hint}
        </span>
      )}
    </div>
  );
}

export function Area({
  label,
  name,
  value,
  rows = 4,
}: {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly rows?: number;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea id={id} name={name} rows={rows} defaultValue={value} />
    </div>
  );
}

export function Choice({
  label,
  name,
  value,
  options,
  hint,
  onChange,
}: {
  readonly label: string;
  readonly name: string;
  readonly value?: string;
  readonly options: readonly (readonly [string, string])[];
  readonly hint?: string;
  readonly onChange?: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        name={name}
        {...(value === undefined ? {} : { value })}
        {...(hint ? { 'aria-describedby': `${id}-more` } : {})}
        onChange={(event) => onChange?.(event.currentTarget.value)}
      >
        {options.map(([of, text]) => (
          <option key={of} value={of} selected={of === value}>
            {text}
          </option>
        ))}
      </select>
      {hint && (
        <span id={`${id}-more`} class="hint">
          {hint}
        </span>
      )}
    </div>
  );
}

export function Check({
  label,
  name,
  value = 'yes',
  checked = false,
  onChange,
}: {
  readonly label: string;
  readonly name: string;
  readonly value?: string;
  readonly checked?: boolean;
  readonly onChange?: (checked: boolean) => void;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        name={name}
        value={value}
        defaultChecked={checked}
        onChange={(event) => onChange?.(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}

/** The text of a field of a form, without blanks around it. */
export function textOf(fields: FormData, name: string): string {
  const value = fields.get(name);
  return typeof value === 'string' ? value.trim() : '';
}
