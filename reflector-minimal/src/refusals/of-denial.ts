import type { IncomingMessage } from 'node:http';
import type { Denied } from '../authentication/log-in.ts';
import { isBrowser } from '../http/browser.ts';
import { credentialsOf } from '../http/credentials.ts';
import type { Refusal } from '../http/refusal.ts';
import { refusals } from './catalogue.ts';

/** The refusal of a log-in that was denied. */
export function refusalOf(denied: Denied): Refusal {
  switch (denied.denied) {
    case 'refused':
      return refusals.logIn;
    case 'busy':
      return refusals.busy;
    case 'oneTimePassword':
      return refusals.oneTimePassword;
    case 'throttled':
      return throttled(denied.waitMs);
  }
}

/** The same, asking for credentials in the header in which this request sent them. */
export function refusalTo(request: IncomingMessage, denied: Denied): Refusal {
  const byProxyHeader = credentialsOf(request)?.header === 'proxy-authorization' && !isBrowser(request);
  return denied.denied === 'refused' && byProxyHeader ? refusals.proxyLogIn : refusalOf(denied);
}

/** Too many failed log-ins (RFC 6585 section 4). */
function throttled(waitMs: number): Refusal {
  const seconds = Math.ceil(waitMs / 1000);
  return {
    key: 'throttled',
    values: { time: duration(seconds) },
    status: 429,
    error: `Too many failed log-ins: try again in ${duration(seconds)}`,
    advice:
      'Somebody has tried several wrong passwords from your address, or for your account. If this goes on for long, somebody knows your password and guesses one-time passwords: change your password.',
    headers: { 'Retry-After': String(seconds) },
  };
}

/** Rounded up, for a person, in units that are the same in each language (SI). */
function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
