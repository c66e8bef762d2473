import { type ComponentChildren, render } from 'preact';
import { type Bridge, connectBridge, dashboardOrigin } from '../bridge/bridge.ts';
import { limits } from '../limits.ts';
import { t, useLanguage } from '../texts/language.ts';
import { useColors } from './colors.ts';

/** Waits for the dashboard and shows the page in its language and theme, or why there is nothing to show. */
export async function startPage(show: (bridge: Bridge) => ComponentChildren): Promise<void> {
  const root = document.querySelector('#app') ?? document.body;
  let bridge: Bridge;
  try {
    bridge = await connectBridge(limits.openingMs);
  } catch {
    await useLanguage(undefined, undefined);
    render(<NotShown />, root);
    return;
  }
  const { theme, language, brand } = bridge.opening;
  if (theme !== undefined) document.documentElement.dataset.theme = theme;
  await Promise.all([useLanguage(language, brand), brand && useColors(brand.style)]);
  render(show(bridge), root);
}

function NotShown() {
  const dashboard = dashboardOrigin(location);
  return (
    <main class="notice">
      <h1>{t('notShown')}</h1>
      {dashboard !== null && (
        <a class="button" href={dashboard} target="_top">
          {t('notShown.link')}
        </a>
      )}
    </main>
  );
}
