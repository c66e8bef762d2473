import type { IncomingMessage, ServerResponse } from 'node:http';
import { portSuffix } from '../http/host-names.ts';
import { contentPolicy, securityHeaders } from '../http/html.ts';
import type { Origin } from '../http/origin.ts';
import type { Identity } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import { secretsOf, setCookie } from '../sessions/cookies.ts';
import type { PagesContext } from './context.ts';
import { logInAddress } from './return-address.ts';

/** One request of a browser to a page of the log-in or the account. */
export interface Exchange {
  readonly context: PagesContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: Origin;
  readonly secure: boolean;
}

/** Who is logged in in this browser. */
export function sessionOf({ context, request, secure }: Exchange): Promise<Identity | null> {
  return context.users.session(request, { place: { kind: 'own' }, secure });
}

/** A page, with forms that may lead on to a device: browsers hold `form-action` against redirects too. */
export function show({ context, request, response, origin }: Exchange, status: number, body: string): void {
  const devices = `${origin.protocol}://*.${context.domain}${portSuffix(origin.authority)}`;
  response.writeHead(status, {
    ...securityHeaders,
    'Content-Security-Policy': contentPolicy(`'self' ${devices}`),
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** With GET, after a form. */
export function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { ...securityHeaders, Location: location, 'Content-Length': 0 });
  response.end();
}

/** To the log-in page of this host, and back again. */
export function sendToLogIn(request: IncomingMessage, response: ServerResponse): void {
  redirect(response, logInAddress(request.url ?? '/'));
}

/**
 * Logs this browser in: a new session, never one that was there before, so that nobody can prepare it (session
 * fixation), and the mark of a known browser. False when the user was removed in the meantime.
 */
export async function enter(exchange: Exchange, user: UserRecord): Promise<boolean> {
  const { context, request, response, origin, secure } = exchange;
  const former = (await sessionOf(exchange))?.session;
  if (former) await context.sessions.end(former);
  const agent = request.headers['user-agent'] ?? '';
  const opened = await context.sessions.create(user, { kind: 'own', address: origin.address, agent });
  await context.revocation.check();
  if (!opened) return false;
  const { browsers } = context.logIn;
  const cookies = [setCookie('own', opened.secret, secure)];
  if (browsers.identify(secretsOf(request.rawHeaders, 'known', secure), user.uid) === null) {
    cookies.push(setCookie('known', browsers.mark(user.uid), secure));
  }
  response.setHeader('Set-Cookie', cookies);
  return true;
}
