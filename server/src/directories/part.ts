import type { Foundation, Part } from '../part.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import { Directories } from './directories.ts';
import { readLdapSettings } from './ldap/read-settings.ts';

/** Those of each server in this process. */
const opened = new WeakMap<FleetDatabase, Directories>();

function open(foundation: Foundation): Directories {
  const directories = opened.get(foundation.database) ?? new Directories(foundation);
  opened.set(foundation.database, directories);
  return directories;
}

/** Users of LDAP directories and of providers of OpenID Connect. */
export const directories: Part = {
  check: (place) => {
    if (place.configuration.ldap) readLdapSettings(place.configuration.ldap, place);
  },
  authenticators: (foundation) => open(foundation).authenticators,
  run: (core) => {
    const running = open(core);
    return { start: () => running.start(), stop: () => running.stop() };
  },
};
