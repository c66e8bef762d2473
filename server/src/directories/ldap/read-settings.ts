import { readFileSync } from 'node:fs';
import { FilterParser } from 'ldapts';
import { ConfigurationError, fileFault } from 'rm-reflector/program';
import type { LdapConfiguration } from '../../configuration/directories.ts';
import { readSecret } from '../../configuration/secret.ts';
import { isLoopback } from '../members/loopback.ts';
import { normalDn } from './distinguished-name.ts';
import { filterFor } from './escape.ts';
import type { LdapSettings } from './settings.ts';

export interface SettingsPlace {
  /** For messages; `null`: there is none. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Checks what a schema cannot. Throws `ConfigurationError` that names the place. */
export function readLdapSettings(
  given: LdapConfiguration,
  { file, environment }: SettingsPlace,
): LdapSettings {
  const place = (path: string) => `${file ?? 'configuration'}: ldap.${path}`;
  const fail = (path: string, message: string): never => {
    throw new ConfigurationError(`${place(path)}: ${message}`);
  };
  const { searchAs, bindAs, groups, ca } = given;
  given.urls.forEach((url, at) => {
    const path = `urls.${at}`;
    const parsed = URL.canParse(url) ? new URL(url) : fail(path, `"${url}": is no address`);
    const secure = parsed.protocol === 'ldaps:' || given.startTls;
    if (!secure && !isLoopback(parsed.hostname)) {
      fail(path, `"${url}": passwords would travel in the clear; use ldaps:// or startTls`);
    }
  });
  if (searchAs && bindAs !== undefined) fail('bindAs', 'goes without searchAs: choose one');
  checkFilter('users.filter', filterFor(given.users.filter, 'name'));
  if (groups) checkFilter('groups.filter', groups.filter);
  if (groups?.memberValue === 'name' && groups.nested !== 'none') {
    fail('groups.nested', 'must be "none" where members are listed by name');
  }
  if (!groups && given.grants.length > 0) fail('groups', 'is missing; grants depend on it');

  function checkFilter(path: string, filter: string): void {
    try {
      FilterParser.parseString(filter);
    } catch (error) {
      fail(path, error instanceof Error ? error.message : 'is no filter');
    }
  }

  function readAuthorities(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      return fail('ca', `${path}: ${fileFault(error)}`);
    }
  }

  return {
    name: given.name,
    urls: given.urls,
    startTls: given.startTls,
    ca: ca === undefined ? null : readAuthorities(ca),
    searchAs: searchAs
      ? { dn: searchAs.dn, password: readSecret(searchAs.password, place('searchAs.password'), environment) }
      : null,
    bindAs: bindAs ?? null,
    users: given.users,
    groups: groups ?? null,
    grants: given.grants.map(({ group, ...rest }) => ({
      ...rest,
      of: group.includes('=') ? normalDn(group) : group.toLowerCase(),
    })),
    membershipMs: given.membershipLifetime * 1000,
    offlineMs: given.offlineLogIn * 1000,
    refreshMs: given.refresh * 1000,
  };
}
