import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { get, type Page } from '../api/call.ts';
import { useResource } from '../state/resource.ts';
import { completed, lastTag } from '../state/tag-text.ts';
import { t } from '../texts/language.ts';
import type { Wrong } from './dialog.tsx';
import { Field } from './field.tsx';

/** Tags that are offered at once. */
const offered = 20;

/** A field for a tag, or for several with commas between. It offers those that devices have already. */
export function TagField({
  name,
  several = false,
  value = '',
  required = false,
  autofocus = false,
  wrong,
}: {
  readonly name: string;
  readonly several?: boolean;
  readonly value?: string;
  readonly required?: boolean;
  readonly autofocus?: boolean;
  readonly wrong?: Wrong;
}) {
  const id = useId();
  const typed = useSignal(value);
  const text = several ? lastTag(typed.value) : typed.value.trim();
  const found = useResource(
    async (signal) =>
      (await get<Page<{ readonly tag: string }>>('/tags', { text, limit: offered }, signal)).items,
    [text],
  );
  return (
    <>
      <Field
        name={name}
        label={several ? t('column.tags') : t('filter.tag')}
        {...(several ? { hint: t('device.tags.hint') } : { maxLength: 64 })}
        defaultValue={value}
        required={required}
        autofocus={autofocus}
        autocomplete="off"
        list={id}
        {...(wrong ? { wrong } : {})}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
      />
      <datalist id={id}>
        {found.value?.map(({ tag }) => (
          <option key={tag} value={several ? completed(typed.value, tag) : tag} />
        ))}
      </datalist>
    </>
  );
}
