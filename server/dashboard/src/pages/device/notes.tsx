import { useSignal } from '@preact/signals';
import { patch, segment } from '../../api/call.ts';
import type { Device } from '../../api/types.ts';
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
  const editing = useSignal(false);
  const { device } = part;
  const submit = async (fields: FormData) => {
    const name = textOf(fields, 'name');
    const changes = {
      ...(name === (device.name ?? '') ? {} : { name: name === '' ? null : name }),
      description: textOf(fields, 'description'),
      notes: textOf(fields, 'notes'),
      tags: readTags(textOf(fields, 'tags')),
    };
    await patch<Device>(`/devices/${segment(device.id)}`, changes, part.version);
    editing.value = false;
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
                editing.value = true;
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
            editing.value = false;
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
