import { useSignal } from '@preact/signals';
import type { Device } from '../../api/types.ts';
import { changeNotes, type Edited } from '../../state/edits.ts';
import { may } from '../../state/session.ts';
import { readTags } from '../../state/tag-text.ts';
import { t } from '../../texts/language.ts';
import { Form } from '../../ui/dialog.tsx';
import { Area, Field, textOf } from '../../ui/field.tsx';
import { TagField } from '../../ui/tag-field.tsx';
import { done } from '../../ui/toast.tsx';
import type { DevicePart } from './device-part.ts';

/** What people call it and know of it. */
export function Notes({ part }: { readonly part: DevicePart }) {
  // What the page shows is read anew with each event of the device; what is edited stays as it was when that began.
  const editing = useSignal<Edited<Device> | null>(null);
  const device = editing.value?.value ?? part.device;
  const submit = async (fields: FormData) => {
    if (!editing.value) return;
    const [name, description, notes] = [
      textOf(fields, 'name'),
      textOf(fields, 'description'),
      textOf(fields, 'notes'),
    ];
    await changeNotes(editing.value, { name, description, notes, tags: readTags(textOf(fields, 'tags')) });
    editing.value = null;
    done(t('saved'));
    part.reload();
  };
  return (
    <section class="card">
      <header>
        <h2>{t('notes')}</h2>
        {may('devices.write') && !editing.value && (
          <div class="actions">
            <button
              type="button"
              class="button small"
              onClick={() => {
                editing.value = { value: part.device, version: part.version };
              }}
            >
              {t('edit')}
            </button>
          </div>
        )}
      </header>
      {editing.value ? (
        <Form
          submit={submit}
          action={t('save')}
          cancel={() => {
            editing.value = null;
          }}
        >
          {(wrong) => (
            <>
              <Field
                name="name"
                label={t('column.name')}
                hint={t('device.name.hint')}
                defaultValue={device.name ?? ''}
                wrong={wrong}
              />
              <TagField name="tags" several value={device.tags.join(', ')} wrong={wrong} />
              <Area name="description" label={t('column.description')} value={device.description} rows={2} />
              <Area name="notes" label={t('notes')} value={device.notes} rows={5} />
            </>
          )}
        </Form>
      ) : (
        <>
          {device.tags.length > 0 && (
            <p class="tags">
              {device.tags.map((tag) => (
                <a key={tag} class="tag" href={`/?${new URLSearchParams({ tag })}`}>
                  {tag}
                </a>
              ))}
            </p>
          )}
          {device.notes ? (
            <p style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', marginTop: '6px' }}>
              {device.notes}
            </p>
          ) : (
            <p class="muted">{t('notes.none')}</p>
          )}
        </>
      )}
    </section>
  );
}
