import { type Html, html } from '../http/html.ts';
import type { Look } from '../http/look.ts';
import { page } from '../http/page.ts';
import { minPasswordLength } from '../passwords/rules.ts';
import type { Session } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import { totpSection } from './totp-pages.ts';

/** What came of a form. */
export interface AccountNote {
  readonly error?: string;
  readonly done?: string;
}

/** The user's own page: where the account is logged in, and the ways to end that. `current`: `null` without a cookie. */
export function accountPage(
  user: UserRecord,
  sessions: readonly Session[],
  current: Session | null,
  { error, done }: AccountNote,
  look: Look,
): string {
  // Sessions on devices hang on that of a browser and end with it.
  const shown = sessions.filter(({ kind }) => kind !== 'device');
  return page(
    'Your account',
    html`<header><h1>Your account</h1>
<nav><a href="/">Devices</a> ${logOutForm}</nav></header>
<p>You are <strong>${user.name}</strong>, ${user.role === 'administrator' ? 'an administrator' : 'a user'}${
      user.totpSecret ? ', with one-time passwords' : ''
    }.</p>
${error === undefined ? html`` : html`<p class="alert" role="alert">${error}</p>`}${done === undefined ? html`` : html`<p class="alert" role="status">${done}</p>`}
<h2>Where you are logged in</h2>
<div class="scroll"><table>
<thead><tr><th>What</th><th>Last used</th><th></th></tr></thead>
<tbody>
${shown.map((session) => row(session, session.id === current?.id))}</tbody>
</table></div>
<form method="post" action="/log-out">
<input type="hidden" name="everywhere" value="yes">
<p><button>Log out everywhere</button></p>
<p class="status">Ends every browser and every token of a program, and what they have open.</p>
</form>
<h2>Another password</h2>
<form class="narrow" method="post" action="/account/password">
<input type="hidden" name="name" value="${user.name}" autocomplete="username">
<label for="present">Present password</label>
<input id="present" name="present" type="password" required autocomplete="current-password">
<label for="new">New password</label>
<input id="new" name="new" type="password" required minlength="${minPasswordLength}" autocomplete="new-password" aria-describedby="rules">
<p id="rules" class="status">At least ${minPasswordLength} characters: a few words that do not belong together are easy to keep and hard to guess.</p>
<label for="again">New password again</label>
<input id="again" name="again" type="password" required minlength="${minPasswordLength}" autocomplete="new-password">
<p><button>Change the password</button></p>
<p class="status">Everything else is logged out then.</p>
</form>
${totpSection(user)}`,
    look,
  );
}

/** Ends the session of this browser. */
export const logOutForm: Html = html`<form class="inline" method="post" action="/log-out"><button>Log out</button></form>`;

function row({ id, kind, agent, address, created, used }: Session, isCurrent: boolean): Html {
  const what = kind === 'token' ? html`Program ${agent || 'without a name'}` : html`${browserName(agent)}`;
  return html`<tr>
<td>${what}${isCurrent ? html`, <span class="on">this browser</span>` : html``}<br><span class="quiet">from ${address}, since ${time(created)}</span></td>
<td>${time(used)}</td>
<td><form class="inline" method="post" action="/account/end"><input type="hidden" name="session" value="${id}"><button aria-label="End ${what} from ${address}">End</button></form></td>
</tr>
`;
}

/** The family and the system that a `User-Agent` names, as far as people know them. */
function browserName(agent: string): string {
  const family = [
    [/\bEdg\//, 'Edge'],
    [/\bFirefox\//, 'Firefox'],
    [/\b(?:Chrome|Chromium|HeadlessChrome)\//, 'Chrome'],
    [/\bSafari\//, 'Safari'],
  ] as const;
  const system = [
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Windows/, 'Windows'],
    [/Mac OS X/, 'macOS'],
    [/Linux/, 'Linux'],
  ] as const;
  const first = (table: readonly (readonly [RegExp, string])[]) =>
    table.find(([pattern]) => pattern.test(agent))?.[1];
  const name = first(family) ?? 'A browser';
  const where = first(system);
  return where === undefined ? name : `${name} on ${where}`;
}

function time(date: number): string {
  return `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
