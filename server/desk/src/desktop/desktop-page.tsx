import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Bridge } from '../bridge/bridge.ts';
import { BrandMark } from '../page/brand-mark.tsx';
import { t } from '../texts/language.ts';
import { ClipboardPanel } from './clipboard-panel.tsx';
import { Notice } from './notice.tsx';
import { DesktopSession } from './session.ts';
import { TextPanel } from './text-panel.tsx';
import { type Panel, Toolbar } from './toolbar.tsx';

/** The screen of a device, and what can be done with it. */
export function DesktopPage({ bridge }: { readonly bridge: Bridge }) {
  const { device, name } = bridge.opening;
  const title = t('desktop.of', { device: name || device });
  const screen = useRef<HTMLDivElement>(null);
  const session = useSignal<DesktopSession | null>(null);
  const panel = useSignal<Panel | null>(null);
  useEffect(() => {
    document.title = title;
    if (!screen.current) return undefined;
    const begun = new DesktopSession(bridge, screen.current, `${title}. ${t('desktop.leave')}`);
    session.value = begun;
    begun.connect().catch(() => {});
    return () => begun.close();
  }, []);
  const current = session.value;
  const isShown = current?.state.value.is === 'shown';
  useEffect(() => {
    if (isShown) current?.focus();
  }, [isShown]);
  const toggle = (wanted: Panel) => {
    panel.value = panel.value === wanted ? null : wanted;
  };
  const close = () => {
    panel.value = null;
    current?.focus();
  };
  /** The only key that the device does not get: the way out of its screen for those who have no mouse. */
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.code !== 'Escape' || !event.ctrlKey || !event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    current?.releaseKeys();
    document.querySelector<HTMLElement>('.bar select')?.focus();
  };
  return (
    <>
      <header class="bar">
        <BrandMark {...bridge.opening} />
        <h1>{title}</h1>
        {current && isShown && <Toolbar session={current} panel={panel.value} toggle={toggle} />}
      </header>
      <main class="stage">
        <div class="screen" ref={screen} hidden={!isShown} onKeyDownCapture={onKeyDown} />
        {current && !isShown && <Notice session={current} bridge={bridge} />}
        {current && isShown && panel.value === 'clipboard' && (
          <ClipboardPanel session={current} close={close} />
        )}
        {current && isShown && panel.value === 'text' && <TextPanel session={current} close={close} />}
      </main>
    </>
  );
}
