import { get, type Work } from '../store/tables.ts';
import { permissions } from './permission.ts';
import type { CallerRights } from './rights.ts';

/** What to tell whoever names another one. */
export const unknownDomain = 'there is no such domain, or you may not see it';

/** Whether there is this domain, and something in it is the caller's, be it for one device. Others do not learn that there is. */
export function* isKnownDomain(rights: Pick<CallerRights, 'grants'>, domain: string): Work<boolean> {
  const isTheirs = permissions.some((permission) =>
    rights.grants(permission).some(({ scope }) => scope.kind === 'everything' || scope.domain === domain),
  );
  return isTheirs && (yield* get('SELECT 1 FROM fleet_domains WHERE id = ?', domain)) !== undefined;
}
