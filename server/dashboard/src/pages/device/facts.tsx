import type { Device } from '../../api/types.ts';
import { bytes, count } from '../../state/format.ts';
import { locale, t } from '../../texts/language.ts';
import { When } from '../../ui/time.tsx';

export function Facts({ device }: { readonly device: Device }) {
  const { version, address, agent, domain, created, createdBy, connects, bytesFrom, bytesTo, description } =
    device;
  return (
    <section class="card">
      <header>
        <h2>{t('facts')}</h2>
      </header>
      {description && <p>{description}</p>}
      <dl class="facts">
        <dt>{t('column.id')}</dt>
        <dd class="mono">{device.id}</dd>
        <dt>{t('column.domain')}</dt>
        <dd>{domain}</dd>
        {version && (
          <>
            <dt>{t('column.version')}</dt>
            <dd>{version}</dd>
          </>
        )}
        {address && (
          <>
            <dt>{t('column.address')}</dt>
            <dd class="mono">{address}</dd>
          </>
        )}
        {agent && (
          <>
            <dt>{t('column.agent')}</dt>
            <dd>{agent}</dd>
          </>
        )}
        <dt>{t('column.created')}</dt>
        <dd>
          <When time={created} />
          {createdBy !== null && ` · ${createdBy}`}
        </dd>
        <dt>{t('facts.connects')}</dt>
        <dd>{count(locale(), connects)}</dd>
        <dt>{t('facts.bytes')}</dt>
        <dd>{t('facts.bytesText', { from: bytes(locale(), bytesFrom), to: bytes(locale(), bytesTo) })}</dd>
      </dl>
    </section>
  );
}
