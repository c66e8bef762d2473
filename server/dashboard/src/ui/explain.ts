import { Problem, Unreachable } from '../api/problem.ts';
import { t } from '../texts/language.ts';

/** What has failed, for the person. What the server says is in English. */
export function explain(fault: unknown): string {
  if (fault instanceof Unreachable) return t('fault.unreachable');
  if (!(fault instanceof Problem)) return t('fault.own');
  if (fault.status === 403) return t('fault.forbidden');
  if (fault.status === 404) return t('fault.missing');
  if (fault.status === 412) return t('fault.changed');
  if (fault.status === 429) return t('fault.tooMany');
  if (fault.status === 502) return t('fault.mail');
  if (fault.status >= 500) return t('fault.server');
  return fault.message;
}
