import { hashPassword, html, type Look, page, wording } from 'rm-reflector/accounts';
import type { Answer, BrowserCall, Route } from 'rm-reflector/ports';
import { domainOfUser, passwordComplaintOf } from '../branding/brand/domain-of-user.ts';
import { AddressRate } from './address-rate.ts';
import type { Invitations } from './invitations.ts';
import type { PeopleServices } from './services.ts';

/** Where a password is set by the secret of a mail, and where such a mail is asked for. */
export const setPasswordPath = '/my-devices/set-password';
export const forgottenPath = '/my-devices/forgotten';

function show(status: number, body: string): Answer {
  return { status, type: 'text/html; charset=utf-8', body };
}

function spent(look: Look): Answer {
  const said = wording(look);
  const title = said('setPassword.spent', 'This link is not good any more');
  return show(
    410,
    page(
      title,
      html`<div class="card"><h1>${title}</h1>
<p>${said('setPassword.spent.hint', 'It is good once, and for a time.')} <a href="${forgottenPath}">${said('setPassword.spent.again', 'Ask for another one')}</a>.</p></div>`,
      look,
    ),
  );
}

/** `length`: characters that a password must have. */
function form(look: Look, token: string, user: string, length: number, error: string | null): string {
  const said = wording(look);
  const title = said('setPassword.title', 'Set a password');
  const rules = said(
    'setPassword.rules',
    'At least {length} characters; several words are better than signs.',
    { length },
  );
  return page(
    title,
    html`<div class="card"><h1>${title}</h1>
${error === null ? html`` : html`<p class="alert" role="alert">${error}</p>`}
<p>${said('setPassword.for', 'For the account')} <b>${user}</b>. ${rules}</p>
<form method="post" action="${setPasswordPath}">
<input type="hidden" name="token" value="${token}">
<label for="new">${said('setPassword.new', 'New password')}</label><input id="new" name="new" type="password" autocomplete="new-password" required autofocus>
<label for="again">${said('setPassword.again', 'Once more')}</label><input id="again" name="again" type="password" autocomplete="new-password" required>
<button class="main">${said('setPassword.set', 'Set the password')}</button></form></div>`,
    look,
  );
}

/** Pages for people who cannot log in, so without any proof but the secret of a mail. */
export function passwordPages(services: PeopleServices, invitations: Invitations): Route[] {
  const { store, audit, clock, limits, known, rights, branding } = services;
  const rate = new AddressRate(clock, limits);
  const formOf = async ({ look }: BrowserCall, token: string, name: string, error: string | null) => {
    const user = await known.user(name);
    const { passwords } = branding.of(user ? await domainOfUser(rights, user) : null);
    return form(look, token, name, passwords.minLength ?? 10, error);
  };

  const set = async (call: BrowserCall): Promise<Answer> => {
    const fields = await call.form();
    const token = fields.get('token') ?? '';
    const password = fields.get('new') ?? '';
    if (!rate.take(call.origin.address)) return tooMany(call);
    const user = await invitations.userOf(token);
    if (user === null) return spent(call.look);
    if (password !== fields.get('again')) {
      const different = wording(call.look)('setPassword.different', 'The two passwords are not the same');
      return show(422, await formOf(call, token, user, different));
    }
    const complaint = await passwordComplaintOf(services, password, user);
    if (complaint !== null) {
      const { key, english, values } = complaint;
      const said = wording(call.look);
      const why = said(key, english, values);
      return show(
        422,
        await formOf(call, token, user, said('setPassword.refused', 'The password {why}', { why })),
      );
    }
    const hash = await hashPassword(password);
    if ((await invitations.redeem(token)) !== user) return spent(call.look);
    await store.users.setPassword(user, hash);
    audit.record({ event: 'password', allowed: true, user, by: 'mail', address: call.origin.address });
    return { status: 303, headers: { Location: '/log-in' } };
  };

  const ask = async (call: BrowserCall): Promise<Answer> => {
    const fields = await call.form();
    if (!rate.take(call.origin.address)) return tooMany(call);
    invitations.request((fields.get('user') ?? '').slice(0, 254));
    const said = wording(call.look);
    return show(
      200,
      page(
        said('forgotten.sent', 'Look at your mail'),
        html`<div class="card"><h1>${said('forgotten.sent', 'Look at your mail')}</h1>
<p>${said('forgotten.sent.hint', 'If there is such an account, and it has a mail address, a mail is on its way. It is good for an hour.')}</p></div>`,
        call.look,
      ),
    );
  };

  return [
    {
      access: 'browser',
      methods: ['GET'],
      path: setPasswordPath,
      async answer(call) {
        if (!rate.take(call.origin.address)) return tooMany(call);
        const token = call.query.get('token') ?? '';
        const user = await invitations.userOf(token);
        return user === null ? spent(call.look) : show(200, await formOf(call, token, user, null));
      },
    },
    { access: 'browser', methods: ['POST'], path: setPasswordPath, answer: set },
    {
      access: 'browser',
      methods: ['GET'],
      path: forgottenPath,
      answer: ({ look }) => {
        const said = wording(look);
        const title = said('forgotten.title', 'Forgotten your password?');
        return show(
          200,
          page(
            title,
            html`<div class="card"><h1>${title}</h1>
<form method="post" action="${forgottenPath}">
<label for="user">${said('forgotten.user', 'Name or mail address')}</label><input id="user" name="user" autocomplete="username" required autofocus>
<button class="main">${said('forgotten.send', 'Send me a mail')}</button></form></div>`,
            look,
          ),
        );
      },
    },
    { access: 'browser', methods: ['POST'], path: forgottenPath, answer: ask },
  ];
}

function tooMany({ look }: BrowserCall): Answer {
  const said = wording(look);
  const title = said('tooMany.title', 'Too many attempts');
  const hint = said('tooMany.hint', 'Try again in a minute.');
  return {
    ...show(429, page(title, html`<h1>${title}</h1><p>${hint}</p>`, look)),
    headers: { 'Retry-After': '60' },
  };
}
