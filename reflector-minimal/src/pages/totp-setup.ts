import type { Form } from '../http/form.ts';
import { sendRefusal } from '../http/refusal.ts';
import { makeRecoveryCodes, recoveryHash } from '../one-time-password/recovery-codes.ts';
import { makeTotpSecret, stepOfCode } from '../one-time-password/totp.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { secretsOf } from '../sessions/cookies.ts';
import { showAccountPage } from './account.ts';
import { type Exchange, enter, sendToLogIn, sessionOf, show } from './exchange.ts';
import { recoveryPage, totpSetupPage } from './totp-pages.ts';

/**
 * The present password, and a code where there are one-time passwords already: whoever has taken over a session must not
 * lock its user out. Shows a new secret.
 */
export async function beginTotp(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, response, origin, secure } = exchange;
  const identity = await sessionOf(exchange);
  if (!identity) return sendRefusal(request, response, refusals.logIn);
  const { name, totpSecret } = identity.user;
  const { address } = origin;
  const verdict = await context.logIn.check({
    name,
    password: form.get('present') ?? '',
    code: totpSecret === null ? null : (form.get('code') ?? ''),
    address,
    marks: secretsOf(request.rawHeaders, 'known', secure),
  });
  if (response.destroyed) return;
  if ('denied' in verdict) {
    const { status, error } = refusalOf(verdict);
    const wrong = totpSecret === null ? 'That is not your present password' : 'Wrong password or code';
    const reason = verdict.denied === 'refused' ? wrong : error;
    context.audit.count({ event: 'totp', allowed: false, user: name, by: 'session', address, reason });
    return showAccountPage(exchange, identity, status === 401 ? 403 : status, { error: reason });
  }
  const secret = makeTotpSecret();
  const ticket = context.logIn.enrolment.ticket(verdict.user, secret);
  show(exchange, 200, totpSetupPage(verdict.user, secret, ticket));
}

/** A code of the new secret switches one-time passwords on, and logs everything else of the user out. */
export async function confirmTotp(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, response, origin } = exchange;
  const identity = await sessionOf(exchange);
  if (!identity) {
    sendRefusal(request, response, refusals.logIn);
    return;
  }
  const { user } = identity;
  const { address } = origin;
  const ticket = form.get('ticket') ?? '';
  const secret = context.logIn.enrolment.secretOf(ticket, user);
  if (secret === null) {
    await showAccountPage(exchange, identity, 422, { error: 'That took too long: please begin again' });
    return;
  }
  const step = stepOfCode(secret, form.get('code') ?? '', context.clock.date());
  if (step === null) {
    const error = 'That is not the current code. Is the clock of your phone right?';
    show(exchange, 422, totpSetupPage(user, secret, ticket, error));
    return;
  }
  const codes = makeRecoveryCodes();
  const recovery = codes.map(recoveryHash);
  const changed = await context.store.users.setTotp(user, { secret, step, recovery });
  if (!changed || !(await enter(exchange, changed))) {
    sendToLogIn(request, response);
    return;
  }
  context.audit.record({ event: 'totp', allowed: true, user: user.name, by: 'session', address });
  show(exchange, 200, recoveryPage(codes));
}
