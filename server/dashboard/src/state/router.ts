import { signal } from '@preact/signals';
import type { DeskPage } from '../desk/messages.ts';

export type Route =
  | { readonly page: 'devices' }
  | { readonly page: 'device'; readonly id: string }
  | { readonly page: DeskPage; readonly id: string }
  | { readonly page: 'waiting' | 'domains' | 'webhooks' | 'recordings' | 'audit' }
  | { readonly page: 'replay'; readonly id: string }
  | { readonly page: 'webhook'; readonly id: string }
  | { readonly page: 'people' | 'account'; readonly tab: string }
  | { readonly page: 'unknown' };

export const peopleTabs = ['users', 'groups', 'grants', 'keys', 'enrolment'] as const;
export const accountTabs = ['profile', 'password', 'codes', 'sessions', 'keys'] as const;

/** The page of a path of this host. */
export function routeOf(path: string): Route {
  if (path === '/') return { page: 'devices' };
  const [, root = '', page = '', rest = ''] = path.split('/');
  if (root !== 'dashboard') return { page: 'unknown' };
  if (page === 'devices' && rest !== '') return { page: 'device', id: decoded(rest) };
  if ((page === 'terminal' || page === 'desktop') && rest !== '') return { page, id: decoded(rest) };
  if (page === 'replay' && rest !== '') return { page, id: decoded(rest) };
  const whole = ['waiting', 'domains', 'webhooks', 'recordings', 'audit'] as const;
  const alone = rest === '' ? whole.find((one) => one === page) : undefined;
  if (alone) return { page: alone };
  if (page === 'webhooks') return { page: 'webhook', id: decoded(rest) };
  if (page === 'people') return { page, tab: peopleTabs.find((tab) => tab === rest) ?? 'users' };
  if (page === 'account') return { page, tab: accountTabs.find((tab) => tab === rest) ?? 'profile' };
  return { page: 'unknown' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const devicePath = (id: string): string => `/dashboard/devices/${encodeURIComponent(id)}`;

export const webhookPath = (id: string): string => `/dashboard/webhooks/${encodeURIComponent(id)}`;

export const replayPath = (id: string): string => `/dashboard/replay/${encodeURIComponent(id)}`;

export const deskPath = (page: DeskPage, id: string, port: number): string =>
  `/dashboard/${page}/${encodeURIComponent(id)}?port=${port}`;

/** The port in a query; `null`: there is none. */
export function portOf(search: string): number | null {
  const text = new URLSearchParams(search).get('port') ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

/** Where the browser is. */
export const place = signal({ path: '/', search: '' });

const read = () => ({ path: location.pathname, search: location.search });

export function startRouter(): void {
  place.value = read();
  addEventListener('popstate', () => {
    place.value = read();
  });
  document.addEventListener('click', (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.ctrlKey ||
      event.metaKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    // Pages that show frames are loaded anew: their policy allows what the others forbid.
    if (['unknown', 'terminal', 'desktop', 'replay'].includes(routeOf(link.pathname).page)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

/** Shows another page; `replace`: in the place of this one in the history, such as another filter. */
export function navigate(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const before = place.value.path;
  place.value = read();
  if (before === place.value.path) return;
  scrollTo(0, 0);
  // Readers of the screen go on at the new page.
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main')?.focus());
}
