import type { DirectoryGrant, DirectoryGrants } from '../../rights/directory-rights.ts';
import type { Role } from '../../rights/role.ts';

/** What membership in a group of a directory, or a value of a claim, gives here. */
export interface GrantRule {
  /** In the spelling in which the directory's adapter names groups. */
  readonly of: string;
  /** Groups of the fleet, which have grants. */
  readonly groups: readonly string[];
  /** For these domains, and with `everything` for all there is. */
  readonly role: Role;
  readonly domains: readonly string[];
  readonly everything: boolean;
}

export const noGrants: DirectoryGrants = { groups: [], grants: [] };

/** What these groups of the directory give, all together. */
export function grantsOf(rules: readonly GrantRule[], groups: Iterable<string>): DirectoryGrants {
  const present = new Set(groups);
  const met = rules.filter(({ of }) => present.has(of));
  const grants = met.flatMap(({ role, domains, everything }): DirectoryGrant[] =>
    [...(everything ? [null] : []), ...domains].map((domain) => ({ role, domain })),
  );
  const distinct = new Map(grants.map((grant) => [JSON.stringify([grant.role, grant.domain]), grant]));
  return { groups: [...new Set(met.flatMap((rule) => rule.groups))], grants: [...distinct.values()] };
}
