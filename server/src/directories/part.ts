import type { Foundation, Part } from '../part.ts';
import type { Tables } from '../store/tables.ts';
import { Directories } from './directories.ts';
import { readLdapSettings } from './ldap/read-settings.ts';
import { readProviders } from './oidc/read-settings.ts';
import { startPath } from './oidc/settings.ts';

/** Those of each server in this process. */
const opened = new WeakMap<Tables, Directories>();

function open(foundation: Foundation): Directories {
  const directories = opened.get(foundation.database) ?? new Directories(foundation);
  opened.set(foundation.database, directories);
  return directories;
}

/** Users of LDAP directories and of providers of OpenID Connect. */
export const directories: Part = {
  check: (place) => {
    if (place.configuration.ldap) readLdapSettings(place.configuration.ldap, place);
    readProviders(place);
  },
  logInLinks: ({ oidc }) =>
    oidc.map(({ id, name }) => ({ text: `Log in with ${name}`, path: startPath(id) })),
  authenticators: (foundation) => open(foundation).authenticators,
  run: (core) => {
    const running = open(core);
    return {
      routes: running.routes(core),
      furtherLogOut: ({ hash }) => running.furtherLogOut(hash),
      start: () => running.start(),
      stop: () => running.stop(),
    };
  },
};
