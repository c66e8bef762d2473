import { portSuffix } from '../http/host-names.ts';
import type { Refusal } from '../http/refusal.ts';
import type { Answer, BrowserCall, Call } from '../ports/routes.ts';
import { secretsOf } from '../sessions/cookies.ts';
import type { PagesContext } from './context.ts';
import { logInAddress } from './return-address.ts';

/** One request of a browser to a page of the log-in or the account. */
export interface Exchange {
  readonly context: PagesContext;
  readonly call: BrowserCall;
}

/** Whether the browser uses TLS, to us or to a trusted proxy. */
export function isSecure({ origin }: Pick<Call, 'origin'>): boolean {
  return origin.protocol === 'https';
}

/** Marks of browsers in which a user has logged in before (`authentication/known-browsers.ts`). */
export function knownMarks(call: Call): readonly string[] {
  return secretsOf(call.rawHeaders, 'known', isSecure(call));
}

/** A page, with forms that may lead on to a device. */
export function show({ context, call }: Exchange, status: number, body: string): Answer {
  const { protocol, authority } = call.origin;
  const formTargets = [`${protocol}://*.${context.domain}${portSuffix(authority)}`];
  return { status, type: 'text/html; charset=utf-8', body, formTargets };
}

/** With GET, after a form. */
export function redirect(location: string, cookies: readonly string[] = []): Answer {
  return { status: 303, headers: { Location: location }, cookies };
}

/** To the log-in page of this host, and back again. */
export function sendToLogIn({ target }: Call, cookies: readonly string[] = []): Answer {
  return redirect(logInAddress(target), cookies);
}

/** What comes of a call; `null`: the caller has gone away. */
export type Result = Answer | Refusal | null;
