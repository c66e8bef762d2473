import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Denied, LogInVerdict } from '../authentication/log-in.ts';
import { type Form, readForm } from '../http/form.ts';
import type { Origin } from '../http/origin.ts';
import { sendRefusal } from '../http/refusal.ts';
import { isSameOrigin } from '../isolation/same-origin.ts';
import type { UserRecord } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { secretsOf } from '../sessions/cookies.ts';
import { changePassword, endSession, logOut, showAccount } from './account.ts';
import type { PagesContext } from './context.ts';
import { type Exchange, enter, redirect, sessionOf, show } from './exchange.ts';
import { codePage, logInPage } from './log-in-page.ts';
import { returnAddress } from './return-address.ts';
import { beginTotp, confirmTotp } from './totp-setup.ts';

type Handler = (exchange: Exchange, form: Form) => void | Promise<void>;

/** What changes something: forms of our own pages alone. */
const forms: Readonly<Record<string, Handler>> = {
  '/log-in': takePassword,
  '/log-in/code': takeCode,
  '/log-out': logOut,
  '/account/end': endSession,
  '/account/password': changePassword,
  '/account/totp': beginTotp,
  '/account/totp/confirm': confirmTotp,
};

/** Answers what belongs to log-in and log-out in a browser; false for anything else. Rejects when the request breaks off. */
export async function serveLogIn(
  context: PagesContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
): Promise<boolean> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const exchange = { context, request, response, origin, secure: origin.protocol === 'https' };
  const form = Object.hasOwn(forms, path) ? forms[path] : undefined;
  if (request.method === 'POST' && form) {
    await submit(exchange, form);
    return true;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  if (path === '/log-in') {
    const next = returnAddress(new URLSearchParams(query).get('next'), origin, context.domain);
    if (await sessionOf(exchange)) redirect(response, next);
    else show(exchange, 200, logInPage({ next }));
    return true;
  }
  if (path === '/account') {
    await showAccount(exchange);
    return true;
  }
  return false;
}

async function submit(exchange: Exchange, handle: Handler): Promise<void> {
  const { context, request, response, origin } = exchange;
  if (!isSameOrigin(request, origin)) return sendRefusal(request, response, refusals.otherOrigin);
  const form = await readForm(request, response, context);
  if ('status' in form) return sendRefusal(request, response, form);
  await handle(exchange, form);
}

async function takePassword(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, origin, secure } = exchange;
  const name = form.get('name') ?? '';
  const verdict = await context.logIn.check({
    name,
    password: form.get('password') ?? '',
    code: null,
    address: origin.address,
    marks: secretsOf(request.rawHeaders, 'known', secure),
  });
  const next = returnAddress(form.get('next'), origin, context.domain);
  await settle(exchange, verdict, name, next, (denied) => {
    const error = denied.denied === 'refused' ? 'Wrong name or password' : refusalOf(denied).error;
    return logInPage({ next, error, name });
  });
}

async function takeCode(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, origin, secure } = exchange;
  const ticket = form.get('ticket') ?? '';
  const next = returnAddress(form.get('next'), origin, context.domain);
  const user = await context.logIn.secondFactor.userOf(ticket);
  const verdict = await context.logIn.complete(ticket, form.get('code') ?? '', {
    address: origin.address,
    marks: secretsOf(request.rawHeaders, 'known', secure),
  });
  await settle(exchange, verdict, user?.name ?? '', next, (denied) => {
    if (!user) return logInPage({ next, error: 'That took too long: please log in again' });
    const error =
      denied.denied === 'refused' ? 'Wrong code, or one that was used before' : refusalOf(denied).error;
    return codePage({ next, error }, ticket);
  });
}

/** Lets the user in, asks for the code, or shows the form again. */
async function settle(
  exchange: Exchange,
  verdict: LogInVerdict,
  name: string,
  next: string,
  again: (denied: Denied) => string,
): Promise<void> {
  const { context, response } = exchange;
  if (response.destroyed) return;
  if (!('denied' in verdict)) await letIn(exchange, verdict.user, next);
  else if (verdict.denied === 'oneTimePassword') {
    show(exchange, 200, codePage({ next }, context.logIn.secondFactor.ticket(verdict.user)));
  } else {
    deny(exchange, verdict, name, again(verdict));
  }
}

function deny(exchange: Exchange, verdict: Denied, name: string, body: string): void {
  const { context, response, origin } = exchange;
  const { address } = origin;
  context.audit.count({
    event: 'log-in',
    allowed: false,
    user: name,
    address,
    reason: verdict.denied,
  });
  const { status, headers = {} } = refusalOf(verdict);
  for (const [header, value] of Object.entries(headers)) {
    if (header !== 'WWW-Authenticate') response.setHeader(header, value);
  }
  // 401 would have to name a scheme that browsers act upon (RFC 9110 section 15.5.2).
  show(exchange, status === 401 ? 403 : status, body);
}

async function letIn(exchange: Exchange, user: UserRecord, next: string): Promise<void> {
  const { context, response, origin } = exchange;
  if (!(await enter(exchange, user))) {
    // Removed or changed while the password was being checked.
    const { address } = origin;
    const reason = 'the account was changed while it logged in';
    context.audit.count({
      event: 'log-in',
      allowed: false,
      user: user.name,
      by: 'password',
      address,
      reason,
    });
    show(exchange, 403, logInPage({ next, error: 'Wrong name or password' }));
    return;
  }
  const { address } = origin;
  context.audit.record({ event: 'log-in', allowed: true, user: user.name, by: 'password', address });
  redirect(response, next);
}
