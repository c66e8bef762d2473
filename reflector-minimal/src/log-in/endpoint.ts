import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from '../context.ts';
import { type Form, readForm } from '../http/form.ts';
import { portSuffix } from '../http/host-names.ts';
import { contentPolicy, securityHeaders } from '../http/html.ts';
import type { Origin } from '../http/origin.ts';
import { refusalOf, refusals, sendRefusal } from '../http/refusal.ts';
import { isSameOrigin } from '../http/same-origin.ts';
import { clearCookie, secretsOf, setCookie } from '../sessions/cookies.ts';
import type { UserRecord } from '../store/users.ts';
import type { Identity } from '../users/identity.ts';
import { accountPage } from './account-page.ts';
import type { Denied, LogInVerdict } from './log-in.ts';
import { codePage, logInPage } from './pages.ts';
import { logInAddress, returnAddress } from './return-address.ts';

/** One request to a page of the log-in. */
interface Exchange {
  readonly context: Context;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: Origin;
  readonly secure: boolean;
}

type Handler = (exchange: Exchange, form: Form) => void | Promise<void>;

/** What changes something: forms of our own pages alone. */
const forms: Readonly<Record<string, Handler>> = {
  '/log-in': takePassword,
  '/log-in/code': takeCode,
  '/log-out': logOut,
  '/account/end': endSession,
};

/** Answers what belongs to log-in and log-out in a browser; false for anything else. Rejects when the request breaks off. */
export async function serveLogIn(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
): Promise<boolean> {
  const url = new URL(request.url ?? '/', 'http://own');
  const exchange = { context, request, response, origin, secure: origin.protocol === 'https' };
  const form = Object.hasOwn(forms, url.pathname) ? forms[url.pathname] : undefined;
  if (request.method === 'POST' && form) {
    await submit(exchange, form);
    return true;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  if (url.pathname === '/log-in') {
    const next = returnAddress(url.searchParams.get('next'), origin, context.domain);
    if (sessionOf(exchange)) redirect(response, next);
    else show(exchange, 200, logInPage({ next }));
    return true;
  }
  if (url.pathname === '/account') {
    showAccount(exchange);
    return true;
  }
  return false;
}

/** To the log-in page of this host, and back again. */
export function sendToLogIn(request: IncomingMessage, response: ServerResponse): void {
  redirect(response, logInAddress(request.url ?? '/'));
}

async function submit(exchange: Exchange, handle: Handler): Promise<void> {
  const { context, request, response, origin } = exchange;
  if (!isSameOrigin(request, origin)) return sendRefusal(request, response, refusals.otherOrigin);
  const form = await readForm(request, response, context.limits);
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
  settle(exchange, verdict, name, next, (denied) => {
    const error = denied.denied === 'refused' ? 'Wrong name or password' : refusalOf(denied).error;
    return logInPage({ next, error, name });
  });
}

async function takeCode(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, origin, secure } = exchange;
  const ticket = form.get('ticket') ?? '';
  const next = returnAddress(form.get('next'), origin, context.domain);
  const user = context.logIn.secondFactor.userOf(ticket);
  const verdict = await context.logIn.complete(ticket, form.get('code') ?? '', {
    address: origin.address,
    marks: secretsOf(request.rawHeaders, 'known', secure),
  });
  settle(exchange, verdict, user?.name ?? '', next, (denied) => {
    if (!user) return logInPage({ next, error: 'That took too long: please log in again' });
    const error =
      denied.denied === 'refused' ? 'Wrong code, or one that was used before' : refusalOf(denied).error;
    return codePage({ next, error }, ticket);
  });
}

/** Lets the user in, asks for the code, or shows the form again. */
function settle(
  exchange: Exchange,
  verdict: LogInVerdict,
  name: string,
  next: string,
  again: (denied: Denied) => string,
): void {
  const { context, response } = exchange;
  if (response.destroyed) return;
  if (!('denied' in verdict)) enter(exchange, verdict.user, next);
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
    by: 'password',
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

/** A new session, never one that was there before: nobody can prepare it (session fixation). */
function enter(exchange: Exchange, user: UserRecord, next: string): void {
  const { context, request, response, origin, secure } = exchange;
  const { address } = origin;
  const former = sessionOf(exchange)?.session;
  if (former) context.sessions.end(former);
  const opened = context.sessions.create(user, {
    kind: 'own',
    address,
    agent: request.headers['user-agent'] ?? '',
  });
  if (!opened) {
    // Removed while the password was being checked.
    show(exchange, 403, logInPage({ next, error: 'Wrong name or password' }));
    return;
  }
  context.access.check();
  context.audit.record({ event: 'log-in', allowed: true, user: user.name, by: 'password', address });
  const { browsers } = context.logIn;
  const cookies = [setCookie('own', opened.secret, secure)];
  if (browsers.identify(secretsOf(request.rawHeaders, 'known', secure), user.name) === null) {
    cookies.push(setCookie('known', browsers.mark(user.name), secure));
  }
  response.setHeader('Set-Cookie', cookies);
  redirect(response, next);
}

/** Of this browser, or with `everywhere` of all browsers and programs. What they have open ends at once. */
function logOut(exchange: Exchange, form: Form): void {
  const { context, response, origin, secure } = exchange;
  const identity = sessionOf(exchange);
  if (identity?.session) {
    const { name } = identity.user;
    const everywhere = form.get('everywhere') !== null;
    if (everywhere) context.sessions.endAll(name);
    else context.sessions.end(identity.session);
    context.access.check();
    context.audit.record({
      event: everywhere ? 'log-out-everywhere' : 'log-out',
      allowed: true,
      user: name,
      by: 'session',
      address: origin.address,
    });
  }
  response.setHeader('Set-Cookie', clearCookie('own', secure));
  redirect(response, '/log-in');
}

/** One of the user's own, by the id that the list shows. */
function endSession(exchange: Exchange, form: Form): void {
  const { context, request, response } = exchange;
  const identity = sessionOf(exchange);
  if (!identity) {
    sendRefusal(request, response, refusals.logIn);
    return;
  }
  const { name } = identity.user;
  const session = context.sessions.list(name).find(({ id }) => id === form.get('session'));
  if (session) context.sessions.end(session);
  context.access.check();
  redirect(response, '/account');
}

function showAccount(exchange: Exchange): void {
  const { context, request, response } = exchange;
  const identity = sessionOf(exchange);
  if (!identity) sendToLogIn(request, response);
  else {
    const { user, session } = identity;
    show(exchange, 200, accountPage(user, context.sessions.list(user.name), session));
  }
}

function sessionOf({ context, request, secure }: Exchange): Identity | null {
  return context.users.session(request, { place: { kind: 'own' }, secure });
}

function show({ context, request, response, origin }: Exchange, status: number, body: string): void {
  // After log-in the form leads on to a device: browsers hold `form-action` against that too.
  const devices = `${origin.protocol}://*.${context.domain}${portSuffix(origin.authority)}`;
  response.writeHead(status, {
    ...securityHeaders,
    'Content-Security-Policy': contentPolicy(`'self' ${devices}`),
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { ...securityHeaders, Location: location, 'Content-Length': 0 });
  response.end();
}
