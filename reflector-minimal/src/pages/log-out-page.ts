import { html } from '../http/html.ts';
import { type Look, wording } from '../http/look.ts';
import { page } from '../http/page.ts';

/** The session has ended here, and the browser goes on by itself: a redirection would be a form that leads elsewhere. */
export function logOutPage(name: string, address: URL, look: Look): string {
  const said = wording(look);
  return page(
    said('logOut.title', 'Logged out'),
    html`<div class="card">
<h1>${said('logOut.done', 'You are logged out')}</h1>
<p>${said('logOut.further', 'Going on to log you out at {name}.', { name })}</p>
<p><a href="${address.href}">${said('goOn', 'Go on')}</a></p>
</div>`,
    look,
  );
}
