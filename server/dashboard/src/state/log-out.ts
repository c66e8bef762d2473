import { get } from '../api/call.ts';
import { loggedOut } from './session.ts';

/** Asks whether somebody is still logged in: a refusal ends the page. */
export function askLoggedIn(): void {
  get('/account').catch(() => {});
}

/** Learns of the end of the session wherever it has ended: here, in another tab of this browser, at the server. */
export function watchLogOut(): void {
  const tabs = new BroadcastChannel('log-out');
  tabs.onmessage = () => {
    loggedOut.value = true;
  };
  addEventListener('submit', ({ target }) => {
    if (target instanceof HTMLFormElement && new URL(target.action).pathname === '/log-out')
      tabs.postMessage(null);
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') askLoggedIn();
  });
  addEventListener('pageshow', ({ persisted }) => {
    // From the memory of the browser, as it was before.
    if (persisted) location.reload();
  });
}
