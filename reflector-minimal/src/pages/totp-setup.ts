import { enter } from '../authentication/enter.ts';
import { wording } from '../http/look.ts';
import { errorIn } from '../http/refusal.ts';
import { makeRecoveryCodes, recoveryHash } from '../one-time-password/recovery-codes.ts';
import { makeTotpSecret, stepOfCode } from '../one-time-password/totp.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { showAccountPage } from './account.ts';
import { type Exchange, knownMarks, type Result, sendToLogIn, show } from './exchange.ts';
import { recoveryPage, totpSetupPage } from './totp-pages.ts';

/**
 * Takes the present password, and a code if one-time passwords are on already, and shows a new secret. Somebody who has taken
 * over a session must not be able to lock its user out.
 */
export async function beginTotp(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const form = await call.form();
  const identity = await call.session();
  if (!identity) return refusals.logIn;
  const { name, totpSecret } = identity.user;
  const { address } = call.origin;
  const verdict = await context.logIn.check({
    name,
    password: form.get('present') ?? '',
    code: totpSecret === null ? null : (form.get('code') ?? ''),
    address,
    marks: knownMarks(call),
  });
  if (call.gone) return null;
  if ('denied' in verdict) {
    const refusal = refusalOf(verdict);
    const { status } = refusal;
    const wrong = totpSecret === null ? 'That is not your present password' : 'Wrong password or code';
    const reason = verdict.denied === 'refused' ? wrong : refusal.error;
    context.audit.count({ event: 'totp', allowed: false, user: name, by: 'session', address, reason });
    const said = wording(call.look);
    const shown =
      verdict.denied !== 'refused'
        ? errorIn(call.look, refusal)
        : totpSecret === null
          ? said('accountPage.wrong', 'That is not your present password')
          : said('totpPage.wrong', 'Wrong password or code');
    return showAccountPage(exchange, identity, status === 401 ? 403 : status, { error: shown });
  }
  const secret = makeTotpSecret();
  const ticket = context.logIn.enrolment.ticket(verdict.user, secret);
  return show(exchange, 200, totpSetupPage(verdict.user, secret, ticket, call.look));
}

/** A code of the new secret switches one-time passwords on, and logs everything else of the user out. */
export async function confirmTotp(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const form = await call.form();
  const identity = await call.session();
  if (!identity) return refusals.logIn;
  const { user } = identity;
  const { address } = call.origin;
  const ticket = form.get('ticket') ?? '';
  const said = wording(call.look);
  const secret = context.logIn.enrolment.secretOf(ticket, user);
  if (secret === null) {
    const error = said('totpPage.late', 'That took too long: please begin again');
    return showAccountPage(exchange, identity, 422, { error });
  }
  const step = stepOfCode(secret, form.get('code') ?? '', context.clock.date());
  if (step === null) {
    const error = said(
      'totpPage.notCurrent',
      'That is not the current code. Is the clock of your phone right?',
    );
    return show(exchange, 422, totpSetupPage(user, secret, ticket, call.look, error));
  }
  const codes = makeRecoveryCodes();
  const recovery = codes.map(recoveryHash);
  const changed = await context.store.users.setTotp(user, { secret, step, recovery });
  const entered = changed && (await enter(context, call, changed));
  if (!entered) return sendToLogIn(call);
  context.audit.record({ event: 'totp', allowed: true, user: user.name, by: 'session', address });
  return { ...show(exchange, 200, recoveryPage(codes, call.look)), cookies: entered.cookies };
}
