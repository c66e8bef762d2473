import { type Html, html } from '../http/html.ts';
import { type Look, wording } from '../http/look.ts';
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
  const said = wording(look);
  const title = said('accountPage.title', 'Your account');
  // Sessions on devices hang on that of a browser and end with it.
  const shown = sessions.filter(({ kind }) => kind !== 'device');
  return page(
    title,
    html`<header><h1>${title}</h1>
<nav><a href="/">${said('accountPage.devices', 'Devices')}</a> ${logOutForm(look)}</nav></header>
<p>${said('accountPage.youAre', 'You are')} <strong>${user.name}</strong>, ${
      user.role === 'administrator'
        ? said('accountPage.administrator', 'an administrator')
        : said('accountPage.user', 'a user')
    }${user.totpSecret ? `, ${said('accountPage.withCodes', 'with one-time passwords')}` : ''}.</p>
${error === undefined ? html`` : html`<p class="alert" role="alert">${error}</p>`}${done === undefined ? html`` : html`<p class="alert" role="status">${done}</p>`}
<h2>${said('accountPage.sessions', 'Where you are logged in')}</h2>
<div class="scroll"><table>
<thead><tr><th>${said('accountPage.what', 'What')}</th><th>${said('accountPage.used', 'Last used')}</th><th></th></tr></thead>
<tbody>
${shown.map((session) => row(session, session.id === current?.id, look))}</tbody>
</table></div>
<form method="post" action="/log-out">
<input type="hidden" name="everywhere" value="yes">
<p><button>${said('accountPage.everywhere', 'Log out everywhere')}</button></p>
<p class="status">${said('accountPage.everywhere.hint', 'Ends every browser and every token of a program, and what they have open.')}</p>
</form>
<h2>${said('accountPage.password', 'Another password')}</h2>
<form class="narrow" method="post" action="/account/password">
<input type="hidden" name="name" value="${user.name}" autocomplete="username">
<label for="present">${said('accountPage.present', 'Present password')}</label>
<input id="present" name="present" type="password" required autocomplete="current-password">
<label for="new">${said('accountPage.new', 'New password')}</label>
<input id="new" name="new" type="password" required minlength="${minPasswordLength}" autocomplete="new-password" aria-describedby="rules">
<p id="rules" class="status">${said(
      'accountPage.rules',
      'At least {length} characters: a few words that do not belong together are easy to keep and hard to guess.',
      { length: minPasswordLength },
    )}</p>
<label for="again">${said('accountPage.again', 'New password again')}</label>
<input id="again" name="again" type="password" required minlength="${minPasswordLength}" autocomplete="new-password">
<p><button>${said('accountPage.change', 'Change the password')}</button></p>
<p class="status">${said('accountPage.change.hint', 'Everything else is logged out then.')}</p>
</form>
${totpSection(user, look)}`,
    look,
  );
}

/** Ends the session of this browser. */
export const logOutForm = (look: Look): Html =>
  html`<form class="inline" method="post" action="/log-out"><button>${wording(look)('accountPage.logOut', 'Log out')}</button></form>`;

function row({ id, kind, agent, address, created, used }: Session, isCurrent: boolean, look: Look): Html {
  const said = wording(look);
  const what =
    kind !== 'token'
      ? browserName(agent, said)
      : agent
        ? said('accountPage.program', 'Program {agent}', { agent })
        : said('accountPage.nameless', 'Program without a name');
  const end = said('accountPage.end', 'End');
  return html`<tr>
<td>${what}${isCurrent ? html`, <span class="on">${said('accountPage.this', 'this browser')}</span>` : html``}<br><span class="quiet">${said('accountPage.from', 'from {address}, since {time}', { address, time: time(created) })}</span></td>
<td>${time(used)}</td>
<td><form class="inline" method="post" action="/account/end"><input type="hidden" name="session" value="${id}"><button aria-label="${said('accountPage.endThis', 'End {what} from {address}', { what, address })}">${end}</button></form></td>
</tr>
`;
}

/** The family and the system that a `User-Agent` names, as far as people know them. */
function browserName(agent: string, said: ReturnType<typeof wording>): string {
  const family = [
    [/\bEdg\//, 'Edge'],
    [/\bFirefox\//, 'Firefox'],
    [/\b(?:Chrome|Chromium|HeadlessChrome)\//, 'Chrome'],
    [/\bSafari\//, 'Safari'],
  ] as const;
  const systems = [
    [/Android/, 'Android'],
    [/iPhone|iPad/, 'iOS'],
    [/Windows/, 'Windows'],
    [/Mac OS X/, 'macOS'],
    [/Linux/, 'Linux'],
  ] as const;
  const first = (table: readonly (readonly [RegExp, string])[]) =>
    table.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = first(family) ?? said('accountPage.browser', 'A browser');
  const system = first(systems);
  return system === undefined
    ? browser
    : said('accountPage.browserOn', '{browser} on {system}', { browser, system });
}

function time(date: number): string {
  return `${new Date(date).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
