import { type Html, html, page } from '../http/html.ts';
import { openPath } from '../isolation/device-log-in.ts';

/** What a page of the log-in says besides its form. */
export interface LogInNote {
  /** Where it leads to. */
  readonly next: string;
  /** Why the last attempt was not taken. */
  readonly error?: string | undefined;
  /** Name that was typed. */
  readonly name?: string | undefined;
}

/** Another way to log in, or help with it, on a route of this host that may take `next` in its query. */
export interface LogInLink {
  readonly text: string;
  readonly path: string;
}

/** Name and password, and other ways to log in. */
export function logInPage({ next, error, name = '' }: LogInNote, links: readonly LogInLink[]): string {
  return card(
    'Log in',
    html`${alert(error)}
<form method="post" action="/log-in">
<input type="hidden" name="next" value="${next}">
<label for="name">Name</label>
<input id="name" name="name" value="${name}" required maxlength="64" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"${described(error)}${name === '' ? autofocus : html``}>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password"${described(error)}${name === '' ? html`` : autofocus}>
<button class="main">Log in</button>
</form>
${links.map(({ text, path }) => html`<p><a href="${path}?next=${encodeURIComponent(next)}">${text}</a></p>\n`)}<p class="status">To <strong>${hostIn(next)}</strong></p>`,
  );
}

/** The one-time password, after name and password. */
export function codePage({ next, error }: LogInNote, ticket: string): string {
  return card(
    'One-time password',
    html`${alert(error)}
<form method="post" action="/log-in/code">
<input type="hidden" name="next" value="${next}">
<input type="hidden" name="ticket" value="${ticket}">
<label for="code">Code from your authenticator app</label>
<input id="code" name="code" required maxlength="40" inputmode="text" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" aria-describedby="hint"${autofocus}>
<p id="hint" class="status">Or one of your recovery codes.</p>
<button class="main">Go on</button>
</form>
<p class="status"><a href="/log-in?next=${encodeURIComponent(next)}">Start again</a></p>`,
  );
}

const autofocus = html` autofocus`;

function card(title: string, body: Html): string {
  return page(
    title,
    html`<main class="card">
<h1>${title}</h1>
${body}
</main>`,
  );
}

function alert(error: string | undefined): Html {
  return error === undefined ? html`` : html`<p class="alert" role="alert" id="error">${error}</p>`;
}

function described(error: string | undefined): Html {
  return error === undefined ? html`` : html` aria-describedby="error"`;
}

/** Where the person is going, as they know it: the device that sent them here, or the reflector. */
function hostIn(address: string): string {
  const { host, pathname, searchParams } = new URL(address);
  const label = pathname === openPath ? (searchParams.get('host') ?? '') : '';
  return /^[a-z0-9_-]{1,69}$/.test(label) ? `${label}.${host}` : host;
}
