import { useSignal } from '@preact/signals';
import type { Device } from '../../api/types.ts';
import { deskPath } from '../../state/router.ts';
import { clientLine, mayOpen, type Service, servicesOf, webAddress } from '../../state/services.ts';
import { me, server } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Copy } from '../../ui/copy.tsx';
import { Icon, type IconName } from '../../ui/icon.tsx';

const icons: Readonly<Record<Service['kind'], IconName>> = {
  web: 'web',
  terminal: 'terminal',
  desktop: 'desktop',
  rdp: 'desktop',
  port: 'more',
};

/** The ways into a device that the user may take. */
export function Services({ device }: { readonly device: Device }) {
  const services = servicesOf(device).filter((service) => mayOpen(service, device));
  const allowed = device.openPorts === null || device.openPorts.length > 0;
  return (
    <section class="card">
      <header>
        <h2>{t('services')}</h2>
      </header>
      {!allowed && <p class="muted">{t('services.noRight')}</p>}
      {allowed && services.length === 0 && <p class="muted">{t('services.none')}</p>}
      {allowed && (
        <div class="services">
          {services.map((service) => (
            <ServiceLine key={`${service.kind}${service.port}`} service={service} device={device} />
          ))}
        </div>
      )}
    </section>
  );
}

/** Of its page; `null`: it has none. */
function addressOf({ kind, port }: Service, device: Device): string | null {
  if (kind === 'web') return webAddress(device, location);
  return kind === 'terminal' || kind === 'desktop' ? deskPath(kind, device.id, port) : null;
}

/** How a service is opened: in the browser, where there is a page for it, and by the line of `rm-client`. */
function ServiceLine({ service, device }: { readonly service: Service; readonly device: Device }) {
  const { kind, port } = service;
  const shown = useSignal(kind !== 'web');
  const line = clientLine(service, device.id, location.origin, me());
  const address = addressOf(service, device);
  const cookieHost = server.value?.cookieHost ?? null;
  return (
    <div class="service">
      <span class="what">
        <Icon name={icons[kind]} />
        {t(`service.${kind}`)} <span class="muted">{port}</span>
      </span>
      {address !== null && (
        <span>
          {kind === 'web' && cookieHost !== null ? (
            <form method="post" action="/my-devices/choose" target="_blank" rel="noopener">
              <input type="hidden" name="device" value={device.id} />
              <button type="submit" class="button main small" disabled={!device.online}>
                {t('service.open')}
              </button>
            </form>
          ) : (
            <a
              class={device.online ? 'button main small' : 'button small'}
              href={address}
              target="_blank"
              rel="noreferrer"
              {...(device.online ? {} : { 'aria-disabled': 'true' as const })}
            >
              {t(kind === 'web' ? 'service.open' : 'service.inBrowser')}
            </a>
          )}{' '}
          {kind === 'web' && (
            <button
              type="button"
              class="button small"
              aria-expanded={shown.value}
              onClick={() => {
                shown.value = !shown.value;
              }}
            >
              {t('service.line')}
            </button>
          )}
        </span>
      )}
      {shown.value && (
        <Copy
          text={line}
          label={t('service.lineOf', { service: t(`service.${kind}`), port: String(port) })}
        />
      )}
    </div>
  );
}
