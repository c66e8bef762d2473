import { encode } from 'uqr';
import { type Html, html } from '../http/html.ts';
import { type Look, wording } from '../http/look.ts';
import { page } from '../http/page.ts';
import { base32, otpauthUri } from '../one-time-password/totp.ts';
import type { UserRecord } from '../ports/store.ts';

/** On the page of the account: the way to one-time passwords. */
export function totpSection({ name, totpSecret }: UserRecord, look: Look): Html {
  const said = wording(look);
  const on = totpSecret !== null;
  return html`<h2>${said('totpPage.title', 'One-time passwords')}</h2>
<p>${
    on
      ? said(
          'totpPage.on',
          'They are on: a log-in takes a code of your authenticator app. Here you can move to another app, with new recovery codes.',
        )
      : said(
          'totpPage.off',
          'With them a log-in takes a code of an authenticator app besides your password, so that the password alone is of no use to anybody else.',
        )
  }</p>
<form class="narrow" method="post" action="/account/totp">
<input type="hidden" name="name" value="${name}" autocomplete="username">
<label for="totp-present">${said('accountPage.present', 'Present password')}</label>
<input id="totp-present" name="present" type="password" required autocomplete="current-password">
${
  on
    ? html`<label for="totp-code">${said('totpPage.code', 'Code from your authenticator app, or a recovery code')}</label>
<input id="totp-code" name="code" required maxlength="40" autocomplete="one-time-code" autocapitalize="none" spellcheck="false">
`
    : html``
}<p><button>${on ? said('totpPage.move', 'Move to another app') : said('totpPage.setUp', 'Set up one-time passwords')}</button></p>
</form>`;
}

/** The secret, as an authenticator app takes it, and the form for the code that shows that the app has it. */
export function totpSetupPage(
  user: UserRecord,
  secret: Buffer,
  ticket: string,
  look: Look,
  error?: string,
): string {
  const said = wording(look);
  const uri = otpauthUri('rm-reflector', user.name, secret);
  return page(
    said('totpPage.title', 'One-time passwords'),
    html`<header><h1>${said('totpPage.title', 'One-time passwords')}</h1>
<nav><a href="/account">${said('totpPage.account', 'Account')}</a></nav></header>
${error === undefined ? html`` : html`<p class="alert" role="alert" id="error">${error}</p>`}
<p>${said('totpPage.scan', 'Scan this with your authenticator app, or')} <a href="${uri}">${said('totpPage.open', 'open it in an app on this device')}</a>.</p>
${qrCode(uri, said('totpPage.qr', 'QR code of the secret'))}
<p>${said('totpPage.type', 'Or type the secret:')} <code>${base32(secret).replaceAll(/.{4}(?=.)/g, '$& ')}</code></p>
<form class="narrow" method="post" action="/account/totp/confirm">
<input type="hidden" name="ticket" value="${ticket}">
<label for="code">${said('totpPage.shown', 'Code that the app shows')}</label>
<input id="code" name="code" required maxlength="10" inputmode="numeric" autocomplete="one-time-code"${error === undefined ? html`` : html` aria-describedby="error"`} autofocus>
<p><button>${said('totpPage.switchOn', 'Switch on')}</button></p>
<p class="status">${said(
      'totpPage.switchOn.hint',
      'Everything else is logged out then: programs need a new token, and name and password alone open nothing.',
    )}</p>
</form>`,
    look,
  );
}

/** Shown once, after one-time passwords were switched on. */
export function recoveryPage(codes: readonly string[], look: Look): string {
  const said = wording(look);
  const title = said('totpPage.recovery.title', 'One-time passwords are on');
  return page(
    title,
    html`<header><h1>${title}</h1>
<nav><a href="/account">${said('totpPage.account', 'Account')}</a></nav></header>
<p class="alert" role="status">${said(
      'totpPage.recovery',
      'Keep these recovery codes. Each is good once in place of a code, if you lose your app. They are shown only now.',
    )}</p>
<ul>
${codes.map(
  (code) => html`<li><code>${code}</code></li>
`,
)}</ul>
<p><a href="/">${said('accountPage.devices', 'Devices')}</a></p>`,
    look,
  );
}

/** As one path, black on white whatever the colours of the page are: no script, no style, nothing to load. */
function qrCode(text: string, label: string): Html {
  const { data, size } = encode(text, { border: 4 });
  const squares = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return html`<svg role="img" aria-label="${label}" width="256" height="256" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">
<rect width="${size}" height="${size}" fill="#fff"/><path fill="#000" d="${squares.join('')}"/>
</svg>`;
}
