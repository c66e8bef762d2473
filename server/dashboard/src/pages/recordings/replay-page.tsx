import { useEffect, useRef } from 'preact/hooks';
import { deskBrand } from '../../state/branding.ts';
import { deskOrigin, serveDesk } from '../../state/desk-session.ts';
import { me, preferences, server } from '../../state/session.ts';
import { t } from '../../texts/language.ts';
import { Blank } from '../../ui/blank.tsx';

/** Plays a recording of a terminal: a page of another origin in a frame, because what a device has said is in it. */
export function ReplayPage({ id }: { readonly id: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const origin = deskOrigin(server.value?.domain ?? '', location);
  useEffect(() => {
    if (!frame.current || origin === null) return undefined;
    const { language, theme } = preferences.value;
    const end = serveDesk(frame.current, origin, {
      device: '',
      name: t('recordings.title'),
      port: 0,
      user: me(),
      screenReader: false,
      look: { language: language ?? document.documentElement.lang, theme, brand: deskBrand() },
      recording: id,
    });
    frame.current.src = `${origin}/replay`;
    return end;
  }, [id, origin]);
  if (origin === null) return <Blank icon="warning" title={t('desk.otherHost')} />;
  return <iframe ref={frame} class="desk" title={t('replay.title')} />;
}
