import { t } from '../texts/language.ts';
import { Copy, saveFile } from './copy.tsx';
import { Icon } from './icon.tsx';

/** `/etc/rm-agent.json` of a device, with its password: it is shown once. */
export function ConfigurationFile({
  id,
  configuration,
}: {
  readonly id: string;
  readonly configuration: object;
}) {
  const text = `${JSON.stringify(configuration, null, 2)}\n`;
  return (
    <>
      <p>{t('configuration.once', { device: id })}</p>
      <Copy block label="/etc/rm-agent.json" text={text} />
      <p>
        <button
          type="button"
          class="button"
          onClick={() => saveFile('rm-agent.json', 'application/json', text)}
        >
          <Icon name="download" />
          {t('configuration.save')}
        </button>
      </p>
    </>
  );
}
