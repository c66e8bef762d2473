import { useEffect, useRef } from 'preact/hooks';
import type { DeskPage as Kind } from '../desk/messages.ts';
import { deskBrand } from '../state/branding.ts';
import { deskOrigin, serveDesk } from '../state/desk-session.ts';
import { readDevice } from '../state/device-actions.ts';
import { useResource } from '../state/resource.ts';
import { devicePath } from '../state/router.ts';
import { me, preferences, server } from '../state/session.ts';
import { t } from '../texts/language.ts';
import { Blank, Fault, Loading } from '../ui/blank.tsx';

/** A terminal or a desktop, in a window of its own: a page of another origin in a frame. */
export function DeskPage({
  kind,
  id,
  port,
}: {
  readonly kind: Kind;
  readonly id: string;
  /** `null`: none was named. */
  readonly port: number | null;
}) {
  const found = useResource((stop) => readDevice(id, stop), [id]);
  const frame = useRef<HTMLIFrameElement>(null);
  const domain = server.value?.domain ?? '';
  const origin = deskOrigin(domain, location);
  const device = found.value?.device;
  const usual = kind === 'terminal' ? device?.sshPort : device?.vncPort;
  const at = port ?? usual ?? null;
  useEffect(() => {
    if (!device || !frame.current || origin === null || at === null) return undefined;
    const { language, theme, screenReader = false } = preferences.value;
    const end = serveDesk(frame.current, origin, {
      device: device.id,
      name: device.name ?? '',
      port: at,
      user: me(),
      screenReader,
      look: { language: language ?? document.documentElement.lang, theme, brand: deskBrand() },
    });
    // Not before somebody listens: the page says once that it is there.
    frame.current.src = `${origin}/${kind}`;
    return end;
  }, [device?.id, origin, at]);
  if (!device) return found.fault === null ? <Loading /> : <Fault fault={found.fault} retry={found.reload} />;
  if (origin === null) {
    const address = `${location.protocol}//${domain}${location.port && `:${location.port}`}`;
    return (
      <Blank icon="warning" title={t('desk.otherHost')}>
        <a class="button" href={`${address}${location.pathname}${location.search}`}>
          {address}
        </a>
      </Blank>
    );
  }
  if (at === null) {
    return (
      <Blank icon="empty" title={t(`desk.none.${kind}`)}>
        <a class="button" href={devicePath(id)}>
          {device.name || id}
        </a>
      </Blank>
    );
  }
  return (
    <iframe
      ref={frame}
      class="desk"
      title={t('desk.of', { service: t(`service.${kind}`), device: device.name || id })}
      allow="clipboard-read; clipboard-write; fullscreen; keyboard-map"
    />
  );
}
