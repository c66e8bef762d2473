import { may, me } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { AddButton } from '../../ui/add-button.tsx';
import { Blank } from '../../ui/blank.tsx';
import { Copy } from '../../ui/copy.tsx';

/** What somebody sees who has no device yet: what to do first. */
export function FirstDevice({ add }: { readonly add: () => void }) {
  if (!may('devices.create')) {
    return (
      <Blank icon="devices" title={t('devices.none')}>
        <p class="muted">{t('devices.none.user')}</p>
        <Copy label={t('devices.none.line')} text={`rm-server user grant ${me()} DOMAIN`} />
      </Blank>
    );
  }
  return (
    <Blank icon="devices" title={t('devices.first')}>
      <p class="muted">{t('devices.first.hint')}</p>
      <AddButton text={t('devices.add')} onClick={add} />
      <p class="muted">{t('devices.first.line')}</p>
      <Copy label={t('devices.first.copy')} text={`rm-agent enroll ${location.origin} KEY`} />
    </Blank>
  );
}
