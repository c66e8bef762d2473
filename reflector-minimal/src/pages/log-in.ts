import type { Denied, LogInVerdict } from '../authentication/log-in.ts';
import { wording } from '../http/look.ts';
import { errorIn } from '../http/refusal.ts';
import type { Identity } from '../ports/identity.ts';
import type { Answer, BrowserCall, BrowserRoute, Form } from '../ports/routes.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { changePassword, endSession, logOut, showAccount } from './account.ts';
import type { PagesContext } from './context.ts';
import { type Exchange, knownMarks, type Result, redirect, show } from './exchange.ts';
import { codePage, logInPage } from './log-in-page.ts';
import { returnAddress } from './return-address.ts';
import { beginTotp, confirmTotp } from './totp-setup.ts';

type Handler = (exchange: Exchange) => Result | Promise<Result>;

/** What belongs to log-in, log-out and the account, in a browser. */
export function logInRoutes(context: PagesContext): BrowserRoute[] {
  const route = (methods: BrowserRoute['methods'], path: string, handle: Handler): BrowserRoute => ({
    access: 'browser',
    methods,
    path,
    answer: (call) => handle({ context, call }),
  });
  return [
    route(['GET', 'HEAD'], '/log-in', showLogIn),
    route(['POST'], '/log-in', takePassword),
    route(['POST'], '/', takePasswordOfOriginal),
    route(['POST'], '/log-in/code', takeCode),
    route(['POST'], '/log-out', logOut),
    route(['GET', 'HEAD'], '/account', showAccount),
    route(['POST'], '/account/end', endSession),
    route(['POST'], '/account/password', changePassword),
    route(['POST'], '/account/totp', beginTotp),
    route(['POST'], '/account/totp/confirm', confirmTotp),
  ];
}

async function showLogIn(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const next = returnAddress(call.query.get('next'), call.origin, context.domain);
  return (await call.session())
    ? redirect(next)
    : show(exchange, 200, logInPage({ next }, context.logInLinks, call.look));
}

async function takePassword(exchange: Exchange): Promise<Result> {
  const form = await exchange.call.form();
  return logInByForm(exchange, form, form.get('name'), form.get('next'));
}

/** The form that pages for the original's server send: `action=login`, and where to go on in `onsuccess`. */
async function takePasswordOfOriginal(exchange: Exchange): Promise<Result> {
  const form = await exchange.call.form();
  if (form.get('action') !== 'login') return refusals.badRequest('action must be login');
  return logInByForm(exchange, form, form.get('username'), form.get('onsuccess'));
}

async function logInByForm(
  exchange: Exchange,
  form: Form,
  userName: string | null,
  nextPage: string | null,
): Promise<Result> {
  const { context, call } = exchange;
  const { origin } = call;
  const name = userName ?? '';
  const verdict = await context.logIn.check({
    name,
    password: form.get('password') ?? '',
    code: null,
    address: origin.address,
    marks: knownMarks(call),
  });
  const next = returnAddress(nextPage, origin, context.domain);
  return settle(exchange, verdict, name, next, (denied) => {
    const error = reason(call, denied, 'logIn.wrong', 'Wrong name or password');
    return logInPage({ next, error, name }, context.logInLinks, call.look);
  });
}

async function takeCode(exchange: Exchange): Promise<Result> {
  const { context, call } = exchange;
  const { origin } = call;
  const form = await call.form();
  const ticket = form.get('ticket') ?? '';
  const next = returnAddress(form.get('next'), origin, context.domain);
  const user = await context.logIn.secondFactor.userOf(ticket);
  const verdict = await context.logIn.complete(ticket, form.get('code') ?? '', {
    address: origin.address,
    marks: knownMarks(call),
  });
  return settle(exchange, verdict, user?.name ?? '', next, (denied) => {
    if (!user) {
      const error = wording(call.look)('code.late', 'That took too long: please log in again');
      return logInPage({ next, error }, context.logInLinks, call.look);
    }
    const error = reason(call, denied, 'code.wrong', 'Wrong code, or one that was used before');
    return codePage({ next, error }, ticket, call.look);
  });
}

/** Lets the user in, asks for the code, or shows the form again. */
function settle(
  exchange: Exchange,
  verdict: LogInVerdict,
  name: string,
  next: string,
  again: (denied: Denied) => string,
): Result | Promise<Result> {
  const { context, call } = exchange;
  if (call.gone) return null;
  if (!('denied' in verdict)) return letIn(exchange, verdict, next);
  if (verdict.denied !== 'oneTimePassword') return deny(exchange, verdict, name, again(verdict));
  return show(exchange, 200, codePage({ next }, context.logIn.secondFactor.ticket(verdict.user), call.look));
}

function deny(exchange: Exchange, verdict: Denied, name: string, body: string): Answer {
  const { context, call } = exchange;
  const { address } = call.origin;
  context.audit.count({ event: 'log-in', allowed: false, user: name, address, reason: verdict.denied });
  // 401 would have to name a scheme (RFC 9110 section 15.5.2), and browsers would act on it.
  const { status, headers = {} } = refusalOf(verdict);
  const { 'WWW-Authenticate': _scheme, ...others }: Answer['headers'] & {} = headers;
  return { ...show(exchange, status === 401 ? 403 : status, body), headers: others };
}

/** What the form says when it is shown again; `key`, `english`: for a wrong password or code. */
function reason({ look }: BrowserCall, denied: Denied, key: string, english: string): string {
  return denied.denied === 'refused' ? wording(look)(key, english) : errorIn(look, refusalOf(denied));
}

async function letIn(exchange: Exchange, { user, by }: Identity, next: string): Promise<Answer> {
  const entered = await exchange.call.logIn(user, by);
  if (entered) return redirect(next, entered.cookies);
  const { look } = exchange.call;
  const error = wording(look)('logIn.wrong', 'Wrong name or password');
  return show(exchange, 403, logInPage({ next, error }, exchange.context.logInLinks, look));
}
