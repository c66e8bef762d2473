import './style/style.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { askInLanguage, onLoggedOut } from './api/call.ts';
import { App } from './pages/app.tsx';
import { readBranding } from './state/branding.ts';
import { startLive } from './state/live.ts';
import { watchLogOut } from './state/log-out.ts';
import { startRouter } from './state/router.ts';
import { loggedOut, may, preferences, readSession, rememberedLook, startClock } from './state/session.ts';
import { language, t, useLanguage } from './texts/language.ts';
import { Fault } from './ui/blank.tsx';

const root = document.querySelector('#app') ?? document.body;
onLoggedOut(() => {
  loggedOut.value = true;
});

effect(() => askInLanguage(language()));

async function start(): Promise<void> {
  const look = rememberedLook();
  // Without an answer, the fault is told in a language of ours.
  const texts = readBranding().then(
    () => useLanguage(look.language),
    () => useLanguage(look.language),
  );
  try {
    await Promise.all([readSession(), texts]);
  } catch (fault) {
    await texts.catch(() => {});
    const title = <h1 class="hidden">{t('brand')}</h1>;
    const again = <Fault fault={fault} retry={() => location.reload()} />;
    render(
      <main>
        {title}
        {again}
      </main>,
      root,
    );
    return;
  }
  if (preferences.value.language !== look.language) await useLanguage(preferences.value.language);
  startRouter();
  startClock();
  watchLogOut();
  render(<App />, root);
  if (may('events.read')) startLive();
}

await start();
