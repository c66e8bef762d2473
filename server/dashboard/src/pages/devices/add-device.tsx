import { useSignal } from '@preact/signals';
import { post } from '../../api/call.ts';
import type { Domain, NewDevice } from '../../api/types.ts';
import { domainOption } from '../../state/domains.ts';
import { devicePath, navigate } from '../../state/router.ts';
import { readTags } from '../../state/tag-text.ts';
import { t } from '../../texts/language.ts';
import { ConfigurationFile } from '../../ui/configuration-file.tsx';
import { Dialog, Form } from '../../ui/dialog.tsx';
import { Check, Choice, Field, textOf } from '../../ui/field.tsx';
import { TagField } from '../../ui/tag-field.tsx';

export function AddDevice({
  domains,
  onClose,
}: {
  readonly domains: readonly Domain[];
  readonly onClose: () => void;
}) {
  const made = useSignal<NewDevice | null>(null);
  const submit = async (fields: FormData) => {
    const given = (name: string) => textOf(fields, name);
    const id = given('id');
    const name = given('name');
    const domain = given('domain');
    const tags = readTags(given('tags'));
    made.value = await post<NewDevice>('/devices', {
      ...(id ? { id } : {}),
      ...(name ? { name } : {}),
      ...(domain ? { domain } : {}),
      ...(tags.length > 0 ? { tags } : {}),
      ...(fields.has('digest') ? { digest: true } : {}),
    });
  };
  const device = made.value?.device;
  if (made.value && device) {
    const open = () => {
      onClose();
      navigate(devicePath(device.id));
    };
    return (
      <Dialog title={t('add.done', { device: device.id })} onClose={open}>
        <ConfigurationFile id={device.id} configuration={made.value.configuration} />
        <div class="buttons">
          <button type="button" class="button main" onClick={open}>
            {t('add.open')}
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={t('devices.add')} onClose={onClose}>
      <Form submit={submit} action={t('devices.add')} cancel={onClose}>
        {(wrong) => (
          <>
            <Field
              name="id"
              label={t('column.id')}
              hint={t('add.id.hint')}
              wrong={wrong}
              maxLength={63}
              autofocus
            />
            <Field
              name="name"
              label={t('column.name')}
              hint={t('add.name.hint')}
              wrong={wrong}
              maxLength={100}
            />
            {domains.length > 1 && (
              <Choice name="domain" label={t('column.domain')} options={domains.map(domainOption)} />
            )}
            <TagField name="tags" several wrong={wrong} />
            <Check name="digest" label={t('add.digest')} />
          </>
        )}
      </Form>
    </Dialog>
  );
}
