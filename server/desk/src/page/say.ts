import { Refused } from '../bridge/bridge.ts';
import type { ConnectionEnd } from '../connection/end.ts';
import { t } from '../texts/language.ts';

/** How a connection to this port has ended, in one sentence; what the server says beside it is in English. */
export function sayEnd({ key }: ConnectionEnd, port: number): string {
  return t(key, { port: String(port) });
}

/** Why there is no ticket, in one sentence. */
export function sayRefused(error: unknown, port: number): string {
  if (!(error instanceof Refused)) return t('end.failed');
  switch (error.status) {
    case 0:
      return t('refused.unreachable');
    case 401:
      return t('refused.loggedOut');
    case 403:
      return t('end.forbidden');
    case 404:
      return t('end.noDevice');
    case 429:
      return t('end.tooMany', { port: String(port) });
    default:
      return error.message;
  }
}
