import type { Denied } from '../authentication/log-in.ts';
import { headerText, type Refusal } from '../http/refusal.ts';
import type { Answer, Call, Form, OpenRoute } from '../ports/routes.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import type { PagesContext } from './context.ts';

/**
 * `POST /my-devices/api/token` (`webtunnel.md` section 4): name, password, and a one-time password where the account has
 * them, become a token. With `--token-by-get`, `GET` does so for the fields of a query, as the original's gateway asks.
 * `DELETE` with the token as `Authorization: Bearer` revokes it.
 */
export function tokenRoutes(context: PagesContext): OpenRoute[] {
  const common = {
    access: 'anyone',
    path: '/my-devices/api/token',
    otherMethods: 'not allowed',
    refuse: ({ error }: Refusal) => ({ type: 'application/json', body: JSON.stringify({ error }) }),
  } as const;
  const byGet: OpenRoute = {
    ...common,
    methods: ['GET'],
    answer: (call) => issue(context, call, call.query),
  };
  return [
    ...(context.tokenByGet ? [byGet] : []),
    { ...common, methods: ['POST'], answer: async (call) => issue(context, call, await call.form()) },
    { ...common, methods: ['DELETE'], answer: (call) => revoke(context, call) },
  ];
}

async function issue(context: PagesContext, call: Call, form: Form): Promise<Answer | Refusal> {
  const { address } = call.origin;
  const name = form.get('username') ?? '';
  const verdict = await context.logIn.check({
    name,
    password: form.get('password') ?? '',
    code: codeOf(form),
    address,
    marks: [],
  });
  if ('denied' in verdict) {
    const refusal = explain(verdict);
    // The program will send its one-time password next: that is no event.
    if (verdict.denied !== 'oneTimePassword') {
      context.audit.count({ event: 'token', allowed: false, user: name, address, reason: refusal.error });
    }
    return refusal;
  }
  const application = headerText(form.get('application') ?? '').slice(0, 100);
  const token = await context.tokens.issue(verdict.user, { application, address });
  if (!token) {
    const reason = 'the account was changed while it logged in';
    context.audit.count({ event: 'token', allowed: false, user: name, address, reason });
    return explain({ denied: 'refused' });
  }
  context.audit.record({ event: 'token', allowed: true, user: name, by: verdict.by, address });
  return { status: 200, type: 'application/json', body: JSON.stringify(token) };
}

/** An empty field is one that was not filled in. */
function codeOf(form: Form): string | null {
  return form.get('totp')?.trim() || null;
}

function explain(denied: Denied): Refusal {
  if (denied.denied === 'refused') return { status: 401, error: 'unknown user or wrong password' };
  if (denied.denied !== 'oneTimePassword') return refusalOf(denied);
  return { status: 401, error: 'a one-time password is needed', headers: { 'X-Authenticate': 'TOTP' } };
}

async function revoke(context: PagesContext, { headers, origin }: Call): Promise<Answer | Refusal> {
  const identity = await context.users.bearer(headers.authorization, origin);
  const { address } = origin;
  if (!identity?.session) {
    const error = 'no token that is good';
    context.audit.count({ event: 'log-out', allowed: false, address, reason: error });
    return { status: 401, error, headers: { 'WWW-Authenticate': 'Bearer realm="Reflector"' } };
  }
  await context.sessions.end(identity.session);
  await context.revocation.check();
  context.audit.record({ event: 'log-out', allowed: true, user: identity.user.name, by: 'token', address });
  return { status: 204 };
}
