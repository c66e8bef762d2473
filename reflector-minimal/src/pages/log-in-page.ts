import { type Html, html } from '../http/html.ts';
import { type Look, wording } from '../http/look.ts';
import { page } from '../http/page.ts';
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
  /** Names the text, for other languages. */
  readonly key?: string;
  readonly path: string;
}

/** Name and password, and other ways to log in. */
export function logInPage(
  { next, error, name = '' }: LogInNote,
  links: readonly LogInLink[],
  look: Look,
): string {
  const said = wording(look);
  return card(
    look,
    said('logIn.title', 'Log in'),
    html`${alert(error)}
<form method="post" action="/log-in">
<input type="hidden" name="next" value="${next}">
<label for="name">${said('logIn.name', 'Name')}</label>
<input id="name" name="name" value="${name}" required maxlength="64" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"${described(error)}${name === '' ? autofocus : html``}>
<label for="password">${said('logIn.password', 'Password')}</label>
<input id="password" name="password" type="password" required autocomplete="current-password"${described(error)}${name === '' ? html`` : autofocus}>
<button class="main">${said('logIn.title', 'Log in')}</button>
</form>
${links.map(({ text, path, key }) => html`<p><a href="${path}?next=${encodeURIComponent(next)}">${key === undefined ? text : said(key, text)}</a></p>\n`)}${look.logInNote}<p class="status">${said('logIn.to', 'To')} <strong>${hostIn(next)}</strong></p>`,
  );
}

/** The one-time password, after name and password. */
export function codePage({ next, error }: LogInNote, ticket: string, look: Look): string {
  const said = wording(look);
  return card(
    look,
    said('code.title', 'One-time password'),
    html`${alert(error)}
<form method="post" action="/log-in/code">
<input type="hidden" name="next" value="${next}">
<input type="hidden" name="ticket" value="${ticket}">
<label for="code">${said('code.label', 'Code from your authenticator app')}</label>
<input id="code" name="code" required maxlength="40" inputmode="text" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" aria-describedby="hint"${autofocus}>
<p id="hint" class="status">${said('code.hint', 'Or one of your recovery codes.')}</p>
<button class="main">${said('goOn', 'Go on')}</button>
</form>
<p class="status"><a href="/log-in?next=${encodeURIComponent(next)}">${said('code.again', 'Start again')}</a></p>`,
  );
}

const autofocus = html` autofocus`;

function card(look: Look, title: string, body: Html): string {
  return page(
    title,
    html`<div class="card">
<h1>${title}</h1>
${body}
</div>`,
    look,
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
