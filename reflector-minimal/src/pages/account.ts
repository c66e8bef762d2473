import type { Form } from '../http/form.ts';
import { sendRefusal } from '../http/refusal.ts';
import { passwordComplaint } from '../passwords/rules.ts';
import type { Identity } from '../ports/identity.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { clearCookie, secretsOf } from '../sessions/cookies.ts';
import { type AccountNote, accountPage } from './account-page.ts';
import { type Exchange, enter, redirect, sendToLogIn, sessionOf, show } from './exchange.ts';

/** Of this browser, or with `everywhere` of all browsers and programs. What they have open ends at once. */
export async function logOut(exchange: Exchange, form: Form): Promise<void> {
  const { context, response, origin, secure } = exchange;
  const identity = await sessionOf(exchange);
  if (identity?.session) {
    const { name } = identity.user;
    const everywhere = form.get('everywhere') !== null;
    if (everywhere) await context.sessions.endAll(name);
    else await context.sessions.end(identity.session);
    await context.revocation.check();
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
export async function endSession(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, response } = exchange;
  const identity = await sessionOf(exchange);
  if (!identity) {
    sendRefusal(request, response, refusals.logIn);
    return;
  }
  const { name } = identity.user;
  const session = (await context.sessions.list(name)).find(({ id }) => id === form.get('session'));
  if (session) {
    await context.sessions.end(session);
    await context.revocation.check();
    const { address } = exchange.origin;
    const detail = `session ${session.id} from ${session.address}`;
    context.audit.record({ event: 'log-out', allowed: true, user: name, by: 'session', address, detail });
  }
  redirect(response, '/account');
}

/** Where the account is logged in, and a form for another password. */
export async function showAccount(exchange: Exchange): Promise<void> {
  const { context, request, response, origin } = exchange;
  const identity = await sessionOf(exchange);
  if (!identity) {
    sendToLogIn(request, response);
    return;
  }
  const { address } = origin;
  context.audit.count({ event: 'request', allowed: true, user: identity.user.name, by: 'session', address });
  await showAccountPage(exchange, identity, 200, {});
}

/**
 * The present password, and a new one twice. Every other browser and program of the user is logged out: who knew the
 * former password may be among them.
 */
export async function changePassword(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, response, origin, secure } = exchange;
  const identity = await sessionOf(exchange);
  if (!identity) return sendRefusal(request, response, refusals.logIn);
  const { name } = identity.user;
  const { address } = origin;
  const again = (status: number, error: string) => showAccountPage(exchange, identity, status, { error });
  const password = form.get('new') ?? '';
  if (password !== form.get('again')) return again(422, 'The two new passwords are not the same');
  const complaint = passwordComplaint(password, name);
  if (complaint !== null) return again(422, `The new password ${complaint}`);
  const marks = secretsOf(request.rawHeaders, 'known', secure);
  const verdict = await context.logIn.check({
    name,
    password: form.get('present') ?? '',
    code: null,
    address,
    marks,
  });
  // This session has given its one-time password.
  if ('denied' in verdict && verdict.denied !== 'oneTimePassword') {
    const { status, error } = refusalOf(verdict);
    const reason = verdict.denied === 'refused' ? 'That is not your present password' : error;
    context.audit.count({ event: 'password', allowed: false, user: name, by: 'session', address, reason });
    return again(status === 401 ? 403 : status, reason);
  }
  const changed = await context.logIn.setPassword(verdict.user, password);
  if (response.destroyed) return;
  if (changed === 'busy') return again(503, refusals.busy.error);
  if (!changed || !(await enter(exchange, changed))) return sendToLogIn(request, response);
  context.audit.record({ event: 'password', allowed: true, user: name, by: 'session', address });
  const current = (await context.sessions.list(name)).find(({ kind }) => kind === 'own') ?? null;
  const done = 'Your password is changed, and everything else is logged out';
  await showAccountPage(exchange, { user: changed, session: current }, 200, { done });
}

/** The page of the account, with what came of a form. */
export async function showAccountPage(
  exchange: Exchange,
  { user, session }: Identity,
  status: number,
  note: AccountNote,
): Promise<void> {
  const sessions = await exchange.context.sessions.list(user.name);
  if (!exchange.response.destroyed) show(exchange, status, accountPage(user, sessions, session, note));
}
