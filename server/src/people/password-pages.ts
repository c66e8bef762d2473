import { hashPassword, html, page, passwordComplaint } from 'rm-reflector/accounts';
import type { Answer, BrowserCall, Route } from 'rm-reflector/ports';
import { AddressRate } from './address-rate.ts';
import type { Invitations } from './invitations.ts';
import type { PeopleServices } from './services.ts';

/** Where a password is set by the secret of a mail, and where such a mail is asked for. */
export const setPasswordPath = '/my-devices/set-password';
export const forgottenPath = '/my-devices/forgotten';

function show(status: number, body: string): Answer {
  return { status, type: 'text/html; charset=utf-8', body };
}

const spent = () =>
  show(
    410,
    page(
      'Set a password',
      html`<div class="card"><h1>This link is not good any more</h1>
<p>It is good once, and for a time. <a href="${forgottenPath}">Ask for another one</a>.</p></div>`,
    ),
  );

function form(token: string, user: string, error: string | null): string {
  return page(
    'Set a password',
    html`<div class="card"><h1>Set a password</h1>
${error === null ? html`` : html`<p class="alert" role="alert">${error}</p>`}
<p>For the account <b>${user}</b>. At least 10 characters; several words are better than signs.</p>
<form method="post" action="${setPasswordPath}">
<input type="hidden" name="token" value="${token}">
<label for="new">New password</label><input id="new" name="new" type="password" autocomplete="new-password" required autofocus>
<label for="again">Once more</label><input id="again" name="again" type="password" autocomplete="new-password" required>
<button class="main">Set the password</button></form></div>`,
  );
}

/** Pages for people who cannot log in, so without any proof but the secret of a mail. */
export function passwordPages(
  { store, audit, clock, limits }: PeopleServices,
  invitations: Invitations,
): Route[] {
  const rate = new AddressRate(clock, limits);

  const set = async (call: BrowserCall): Promise<Answer> => {
    const fields = await call.form();
    const token = fields.get('token') ?? '';
    const password = fields.get('new') ?? '';
    if (!rate.take(call.origin.address)) return tooMany();
    const user = await invitations.userOf(token);
    if (user === null) return spent();
    if (password !== fields.get('again'))
      return show(422, form(token, user, 'The two passwords are not the same'));
    const complaint = passwordComplaint(password, user);
    if (complaint !== null) return show(422, form(token, user, `The password ${complaint}`));
    const hash = await hashPassword(password);
    if ((await invitations.redeem(token)) !== user) return spent();
    await store.users.setPassword(user, hash);
    audit.record({ event: 'password', allowed: true, user, by: 'mail', address: call.origin.address });
    return { status: 303, headers: { Location: '/log-in' } };
  };

  const ask = async (call: BrowserCall): Promise<Answer> => {
    const fields = await call.form();
    if (!rate.take(call.origin.address)) return tooMany();
    invitations.request((fields.get('user') ?? '').slice(0, 254));
    return show(
      200,
      page(
        'Mail on its way',
        html`<div class="card"><h1>Look at your mail</h1>
<p>If there is such an account, and it has a mail address, a mail is on its way. It is good for an hour.</p></div>`,
      ),
    );
  };

  return [
    {
      access: 'browser',
      methods: ['GET'],
      path: setPasswordPath,
      async answer({ query, origin }) {
        if (!rate.take(origin.address)) return tooMany();
        const token = query.get('token') ?? '';
        const user = await invitations.userOf(token);
        return user === null ? spent() : show(200, form(token, user, null));
      },
    },
    { access: 'browser', methods: ['POST'], path: setPasswordPath, answer: set },
    {
      access: 'browser',
      methods: ['GET'],
      path: forgottenPath,
      answer: () =>
        show(
          200,
          page(
            'Forgotten password',
            html`<div class="card"><h1>Forgotten your password?</h1>
<form method="post" action="${forgottenPath}">
<label for="user">Name or mail address</label><input id="user" name="user" autocomplete="username" required autofocus>
<button class="main">Send me a mail</button></form></div>`,
          ),
        ),
    },
    { access: 'browser', methods: ['POST'], path: forgottenPath, answer: ask },
  ];
}

function tooMany(): Answer {
  return {
    ...show(429, page('Later', html`<h1>Too many attempts</h1><p>Try again in a minute.</p>`)),
    headers: { 'Retry-After': '60' },
  };
}
