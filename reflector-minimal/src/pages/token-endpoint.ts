import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Denied } from '../authentication/log-in.ts';
import { type Form, readForm } from '../http/form.ts';
import { securityHeaders } from '../http/html.ts';
import type { Origin } from '../http/origin.ts';
import { headerText, type Refusal } from '../http/refusal.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import type { PagesContext } from './context.ts';

export const tokenPath = '/my-devices/api/token';

type Headers = Readonly<Record<string, string | readonly string[]>>;

/**
 * `POST /my-devices/api/token` (`webtunnel.md` section 4): name, password, and a one-time password where the account has
 * them, become a token. With `--token-by-get`, `GET` does so for the fields of a query, as the original's gateway asks. `DELETE` with the token as `Authorization: Bearer` revokes it.
 */
export async function serveToken(
  context: PagesContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
): Promise<void> {
  if (request.method === 'DELETE') return revoke(context, request, response, origin);
  const byGet = context.tokenByGet && request.method === 'GET';
  if (request.method !== 'POST' && !byGet) return notAllowed(context, response);
  const form = byGet ? queryOf(request) : await readForm(request, response, context);
  if ('status' in form) return refuse(response, form.status, form.error);
  const { address } = origin;
  const name = form.get('username') ?? '';
  const verdict = await context.logIn.check({
    name,
    password: form.get('password') ?? '',
    code: codeOf(form),
    address,
    marks: [],
  });
  if ('denied' in verdict) {
    // Asked for the one-time password, a program comes again: that is no event.
    if (verdict.denied !== 'oneTimePassword') {
      const reason = explain(verdict).error;
      context.audit.count({ event: 'token', allowed: false, user: name, address, reason });
    }
    return deny(response, verdict);
  }
  const application = headerText(form.get('application') ?? '').slice(0, 100);
  const token = await context.tokens.issue(verdict.user, { application, address });
  if (!token) {
    const reason = 'the account was changed while it logged in';
    context.audit.count({ event: 'token', allowed: false, user: name, address, reason });
    return deny(response, { denied: 'refused' });
  }
  context.audit.record({ event: 'token', allowed: true, user: name, by: 'password', address });
  answer(response, 200, token);
}

function notAllowed({ tokenByGet }: Pick<PagesContext, 'tokenByGet'>, response: ServerResponse): void {
  const Allow = tokenByGet ? 'GET, POST, DELETE' : 'POST, DELETE';
  const [last, ...others] = Allow.split(', ').reverse();
  refuse(response, 405, `only ${others.reverse().join(', ')} and ${last} are allowed here`, { Allow });
}

/** Bounded by `limits.headBytes`. */
function queryOf({ url = '' }: Pick<IncomingMessage, 'url'>): Form {
  return new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '');
}

/** An empty field is one that was not filled in. */
function codeOf(form: Form): string | null {
  return form.get('totp')?.trim() || null;
}

function deny(response: ServerResponse, denied: Denied): void {
  const { status, error, headers } = explain(denied);
  refuse(response, status, error, headers);
}

function explain(denied: Denied): Refusal {
  if (denied.denied === 'refused') return { status: 401, error: 'unknown user or wrong password' };
  if (denied.denied !== 'oneTimePassword') return refusalOf(denied);
  return { status: 401, error: 'a one-time password is needed', headers: { 'X-Authenticate': 'TOTP' } };
}

async function revoke(
  context: PagesContext,
  request: IncomingMessage,
  response: ServerResponse,
  origin: Origin,
): Promise<void> {
  const identity = await context.users.bearer(request.headers.authorization);
  if (!identity?.session) {
    const { address } = origin;
    context.audit.count({ event: 'log-out', allowed: false, address, reason: 'no token that is good' });
    refuse(response, 401, 'no token that is good', { 'WWW-Authenticate': 'Bearer realm="Reflector"' });
    return;
  }
  await context.sessions.end(identity.session);
  await context.revocation.check();
  const { address } = origin;
  context.audit.record({ event: 'log-out', allowed: true, user: identity.user.name, by: 'token', address });
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  response.writeHead(204);
  response.end();
}

function refuse(response: ServerResponse, status: number, error: string, headers: Headers = {}): void {
  answer(response, status, { error }, { ...headers, 'X-PTTH-Error': headerText(error) });
}

function answer(
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Headers = {},
): void {
  const text = JSON.stringify(body);
  for (const [name, value] of Object.entries({ ...securityHeaders, ...headers }))
    response.setHeader(name, value);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}
