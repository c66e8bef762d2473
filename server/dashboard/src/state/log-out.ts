import { get } from '../api/call.ts';
import type { Account } from '../api/types.ts';
import { account, me } from './session.ts';

/** Asks whether the same user is still logged in: a refusal ends the page, and another user gets one of their own. */
export function askLoggedIn(): void {
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
