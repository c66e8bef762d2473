import { enter } from '../authentication/enter.ts';
import { ownPassword } from '../authentication/password-authenticator.ts';
import { wording } from '../http/look.ts';
import { errorIn } from '../http/refusal.ts';
import { passwordComplaint } from '../passwords/rules.ts';
import type { Identity } from '../ports/identity.ts';
import type { Answer } from '../ports/routes.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { clearCookie } from '../sessions/cookies.ts';
import { type AccountNote, accountPage } from './account-page.ts';
import { type Exchange, isSecure, knownMarks, type Result, redirect, sendToLogIn, show } from './exchange.ts';
import { logOutPage } from './log-out-page.ts';

/**
 * Logs this browser out, or with `everywhere` all browsers and programs. What they have open ends at once. Then it may go
 * on to be logged out elsewhere.
 */
export async function logOut(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const form = await call.form();
  const identity = await call.session();
  const further = identity?.session ? await context.furtherLogOut?.(identity.session) : null;
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
      address: call.origin.address,
    });
  }
  const cookies = [clearCookie('own', isSecure(call))];
  const address = await further?.address();
  if (!further || !address) return redirect('/log-in', cookies);
  return {
    ...show(exchange, 200, logOutPage(further.name, address, call.look)),
    headers: { Refresh: `0; url=${address.href}` },
    cookies,
  };
}

/** Ends one of the user's sessions, by the ID that the list shows. */
export async function endSession({ context, call }: Exchange): Promise<Result> {
  const form = await call.form();
  const identity = await call.session();
  if (!identity) return refusals.logIn;
  const { name } = identity.user;
  const session = (await context.sessions.list(name)).find(({ id }) => id === form.get('session'));
  if (session) {
    await context.sessions.end(session);
    await context.revocation.check();
    const { address } = call.origin;
    const detail = `session ${session.id} from ${session.address}`;
    context.audit.record({ event: 'log-out', allowed: true, user: name, by: 'session', address, detail });
  }
  return redirect('/account');
}

/** Where the account is logged in, and a form for another password. */
export async function showAccount(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const identity = await call.session();
  if (!identity) return sendToLogIn(call);
  const { address } = call.origin;
  context.audit.count({ event: 'request', allowed: true, user: identity.user.name, by: 'session', address });
  return showAccountPage(exchange, identity, 200, {});
}

/**
 * Takes the present password, and a new one twice. Every other browser and program of the user is logged out, because one
 * of them may belong to somebody who knew the old password.
 */
export async function changePassword(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const form = await call.form();
  const identity = await call.session();
  if (!identity) return refusals.logIn;
  const { name } = identity.user;
  const { address } = call.origin;
  const again = (status: number, error: string) => showAccountPage(exchange, identity, status, { error });
  const password = form.get('new') ?? '';
  const said = wording(call.look);
  if (password !== form.get('again')) {
    return again(422, said('accountPage.different', 'The two new passwords are not the same'));
  }
  const complaint =
    passwordComplaint(password, name) ?? (await context.passwordRule?.(password, name)) ?? null;
  if (complaint !== null) {
    const { key, english, values } = complaint;
    const why = said(key, english, values);
    return again(422, said('accountPage.refused', 'The new password {why}', { why }));
  }
  const verdict = await context.logIn.check({
    name,
    password: form.get('present') ?? '',
    code: null,
    address,
    marks: knownMarks(call),
  });
  // This session has already proven its one-time password.
  if ('denied' in verdict && verdict.denied !== 'oneTimePassword') {
    const refusal = refusalOf(verdict);
    const { status } = refusal;
    const reason = verdict.denied === 'refused' ? 'That is not your present password' : refusal.error;
    context.audit.count({ event: 'password', allowed: false, user: name, by: 'session', address, reason });
    return again(
      status === 401 ? 403 : status,
      verdict.denied === 'refused'
        ? said('accountPage.wrong', 'That is not your present password')
        : errorIn(call.look, refusal),
    );
  }
  if (verdict.by !== ownPassword) {
    // It would count beside the other one, and go on counting when a directory does not know the user any more.
    const reason = 'Your password is kept elsewhere: change it there';
    context.audit.count({ event: 'password', allowed: false, user: name, by: 'session', address, reason });
    return again(403, said('accountPage.elsewhere', 'Your password is kept elsewhere: change it there'));
  }
  // As the session has proven it: if one-time passwords were switched on since, it has proven none.
  const changed = await context.logIn.setPassword(identity.user, password);
  if (call.gone) return null;
  if (changed === 'busy') return again(503, errorIn(call.look, refusals.busy));
  const entered = changed && (await enter(context, call, changed));
  if (!changed || !entered) return sendToLogIn(call);
  context.audit.record({ event: 'password', allowed: true, user: name, by: 'session', address });
  const current = (await context.sessions.list(name)).find(({ kind }) => kind === 'own') ?? null;
  const done = said('accountPage.done', 'Your password is changed, and everything else is logged out');
  return {
    ...(await showAccountPage(exchange, { user: changed, session: current }, 200, { done })),
    cookies: entered.cookies,
  };
}

/** The page of the account, with what came of a form. */
export async function showAccountPage(
  exchange: Exchange,
  { user, session }: Pick<Identity, 'user' | 'session'>,
  status: number,
  note: AccountNote,
): Promise<Answer> {
  const sessions = await exchange.context.sessions.list(user.name);
  return show(exchange, status, accountPage(user, sessions, session, note, exchange.call.look));
}
