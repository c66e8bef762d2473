import type { KnownUsers, UserRecord } from 'rm-reflector/ports';
import type { Rights } from '../../rights/rights.ts';
import type { Branding } from './branding.ts';

/**
 * The domain of devices whose brand a user sees: the one in which everything is that they may see; `null`: none, or several. Rejects
 * with `StoreUnavailable`.
 */
export async function domainOfUser(rights: Pick<Rights, 'of'>, user: UserRecord): Promise<string | null> {
  const grants = (await rights.of({ user })).grants('devices.read');
  const domains = new Set(grants.map(({ scope }) => (scope.kind === 'everything' ? null : scope.domain)));
  const [domain = null] = domains;
  return domains.size === 1 ? domain : null;
}

/** Why a password that is set for a user is not taken: by the rules that hold everywhere, and by the brand that the user sees. */
export async function passwordComplaintOf(
  {
    branding,
    rights,
    known,
  }: { readonly branding: Branding; readonly rights: Pick<Rights, 'of'>; readonly known: KnownUsers },
  password: string,
  name: string,
): Promise<string | null> {
  const user = await known.user(name);
  return branding.complaint(password, name, user ? await domainOfUser(rights, user) : null);
}
