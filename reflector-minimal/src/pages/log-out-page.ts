import { html, page } from '../http/html.ts';

/** The session has ended here, and the browser goes on by itself: a redirection would be a form that leads elsewhere. */
export function logOutPage(name: string, address: URL): string {
  return page(
    'Logged out',
    html`<main class="card">
<h1>You are logged out</h1>
<p>Going on to log you out at ${name}.</p>
<p><a href="${address.href}">Go on</a></p>
</main>`,
  );
}
