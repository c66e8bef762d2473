import { get } from '../api/call.ts';
import type { Account } from '../api/types.ts';
import { account, me } from './session.ts';

/** The user has logged out on this page, and the browser is on its way to the next one. */
let leaving = false;

/** Asks whether the same user is still logged in: a refusal ends the page, and another user gets one of their own. */
export function askLoggedIn(): void {
  if (leaving) return;
  get<Account>('/account').then(
    ({ user }) => {
      if (account.value && user.name !== me()) location.reload();
    },
    () => {},
  );
}

/** Learns of the end of the session wherever it has ended: here, in another tab of this browser, at the server. */
export function watchLogOut(): void {
  const tabs = new BroadcastChannel('log-out');
  tabs.onmessage = askLoggedIn;
  addEventListener('submit', ({ target }) => {
    if (!(target instanceof HTMLFormElement) || new URL(target.action).pathname !== '/log-out') return;
    leaving = true;
    // This page goes when the server has answered: by then the others can ask.
    addEventListener('pagehide', () => tabs.postMessage(null), { once: true });
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') askLoggedIn();
  });
  addEventListener('pageshow', ({ persisted }) => {
    // From the memory of the browser, as it was before.
    if (persisted) location.reload();
  });
}
