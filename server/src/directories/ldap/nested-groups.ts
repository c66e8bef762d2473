import { AndFilter, EqualityFilter, ExtensibleFilter, type Filter, FilterParser, OrFilter } from 'ldapts';
import type { Limits } from '../../limits.ts';
import { type LdapConnection, TooManyEntries } from './connection.ts';
import { normalDn } from './distinguished-name.ts';
import type { LdapSettings } from './settings.ts';

/** LDAP_MATCHING_RULE_IN_CHAIN of Active Directory: it follows memberships itself ([MS-ADTS] 3.1.1.3.4.4.3). */
const inChain = '1.2.840.113556.1.4.1941';

/** Groups that one search asks about: filters of some hundred terms are refused by some directories. */
const perSearch = 40;

/**
 * The groups of an entry, and with `nested` those that these are in: each by its distinguished name as `normalDn` writes
 * it, and by its names in lower case; names with `=`, which a distinguished name has, are left out. Groups that contain each
 * other are no fault. Rejects with `TooManyEntries` beyond `groupsPerUser` and `groupLevels`.
 */
export async function groupsOf(
  person: { readonly dn: string; readonly name: string },
  settings: NonNullable<LdapSettings['groups']>,
  connection: Pick<LdapConnection, 'search'>,
  limits: Pick<Limits, 'groupLevels' | 'groupsPerUser'>,
): Promise<ReadonlySet<string>> {
  const { base, memberAttribute, memberValue, nameAttribute, nested } = settings;
  const found = new Set<string>();
  const names = new Set<string>();
  const search = (filters: readonly Filter[]) =>
    connection.search(base, {
      filter: new AndFilter({
        filters: [FilterParser.parseString(settings.filter), new OrFilter({ filters: [...filters] })],
      }),
      attributes: [nameAttribute],
      limit: limits.groupsPerUser - found.size,
    });
  const hasMember = (value: string) => new EqualityFilter({ attribute: memberAttribute, value });
  const inWhich = (dn: string) =>
    new ExtensibleFilter({ matchType: memberAttribute, rule: inChain, value: dn });

  const self = memberValue === 'dn' ? person.dn : person.name;
  let members: Filter[] = [nested === 'inChain' ? inWhich(self) : hasMember(self)];
  for (let level = 0; members.length > 0; level++) {
    if (level === limits.groupLevels) throw new TooManyEntries(`more than ${level} levels of groups`);
    const next: Filter[] = [];
    for (let at = 0; at < members.length; at += perSearch) {
      for (const entry of await search(members.slice(at, at + perSearch))) {
        const key = normalDn(entry.dn);
        if (found.has(key)) continue;
        found.add(key);
        // A rule with `=` is for a distinguished name: whoever may name a group does not choose its place.
        for (const name of entry.values(nameAttribute))
          if (!name.includes('=')) names.add(name.toLowerCase());
        next.push(hasMember(entry.dn));
      }
    }
    members = nested === 'search' ? next : [];
  }
  return new Set([...found, ...names]);
}
