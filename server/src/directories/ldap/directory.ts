import { AuthenticatorUnavailable } from 'rm-reflector/ports';
import type { Limits } from '../../limits.ts';
import { userName } from '../members/user-name.ts';
import {
  type BindNames,
  connect,
  type LdapConnection,
  type LdapEntry,
  TooManyEntries,
} from './connection.ts';
import { bindNameFor, escapeDn, filterFor } from './escape.ts';
import { groupsOf } from './nested-groups.ts';
import type { LdapSettings } from './settings.ts';

/** Somebody whom the directory knows. */
export interface Person {
  /** Never changes, and is never given to another entry. */
  readonly id: string;
  /** For the store. */
  readonly name: string;
  /** As {@link groupsOf} names them. */
  readonly groups: ReadonlySet<string>;
}

export interface Refused {
  /** For the operator's log. */
  readonly refused: string;
  /** The password was right. */
  readonly proven?: true;
}

/** Looks somebody up; `null`: there is none of this name. */
export type Find = (login: string) => Promise<Person | Refused | null>;

const anonymous: BindNames = { name: '', password: '' };

/** Opens a connection and binds; that of `connection.ts` but for tests. */
export type Connect = (as: BindNames) => ReturnType<typeof connect>;

/** Who somebody is, and in which groups, as an LDAP directory says. All methods reject with `AuthenticatorUnavailable`. */
export class LdapDirectory {
  readonly #settings: LdapSettings;
  readonly #limits: Limits;
  readonly #connect: Connect;

  constructor(settings: LdapSettings, limits: Limits, open: Connect = (as) => connect(settings, as, limits)) {
    this.#settings = settings;
    this.#limits = limits;
    this.#connect = open;
  }

  /**
   * Whether this is the password of that person. The password must not be empty: a directory would take that for somebody
   * anonymous (RFC 4513 section 5.1.2). A name that is unknown, or is that of several entries, costs the directory as much.
   */
  async prove(login: string, password: string): Promise<Person | Refused> {
    if (password === '') return { refused: 'empty password' };
    const { bindAs, users } = this.#settings;
    const asUser = bindAs === null ? null : { name: bindNameFor(bindAs, login), password };
    const { connection, refused } = await this.#connect(asUser ?? this.#searcher);
    try {
      if (refused !== null) {
        if (asUser) return { refused };
        throw accountRefused(refused);
      }
      const entry = await this.#entryOf(login, connection);
      // Also when it is bound as the user already: whose password it is says the entry that was found, not the name that was typed.
      const dn = 'refused' in entry ? `cn=${escapeDn(login)},${users.base}` : entry.dn;
      const wrong = await connection.bind(dn, password);
      if ('refused' in entry) return entry;
      if (wrong !== null) return { refused: wrong };
      if (!asUser) await this.#bindSearcher(connection);
      const person = await this.#personOf(entry, connection);
      return 'refused' in person ? { ...person, proven: true } : person;
    } finally {
      connection.close();
    }
  }

  /** Looks people up without their passwords, over one connection. */
  async lookUp(visit: (find: Find) => Promise<void>): Promise<void> {
    const { connection, refused } = await this.#connect(this.#searcher);
    try {
      if (refused !== null) throw accountRefused(refused);
      await visit(async (login) => {
        const entry = await this.#entryOf(login, connection);
        return 'refused' in entry ? null : this.#personOf(entry, connection);
      });
    } finally {
      connection.close();
    }
  }

  get #searcher(): BindNames {
    const { searchAs } = this.#settings;
    return searchAs ? { name: searchAs.dn, password: searchAs.password } : anonymous;
  }

  async #bindSearcher(connection: LdapConnection): Promise<void> {
    const { name, password } = this.#searcher;
    const refused = await connection.bind(name, password);
    if (refused !== null) throw accountRefused(refused);
  }

  async #entryOf(login: string, connection: LdapConnection): Promise<LdapEntry | Refused> {
    const { base, filter, nameAttribute, idAttribute } = this.#settings.users;
    try {
      const [entry] = await connection.search(base, {
        filter: filterFor(filter, login),
        attributes: [nameAttribute, idAttribute],
        limit: 1,
      });
      return entry ?? { refused: 'no such entry' };
    } catch (error) {
      if (error instanceof TooManyEntries) return { refused: 'several entries have this name' };
      throw error;
    }
  }

  async #personOf(entry: LdapEntry, connection: LdapConnection): Promise<Person | Refused> {
    const { users, groups } = this.#settings;
    const [name] = entry.values(users.nameAttribute);
    const [id] = entry.values(users.idAttribute);
    if (name === undefined || id === undefined) {
      return {
        refused: `${entry.dn} has no ${name === undefined ? users.nameAttribute : users.idAttribute}`,
      };
    }
    const known = userName(name);
    if (known === null)
      return { refused: `${entry.dn} has a ${users.nameAttribute} that cannot be a name here` };
    if (!groups) return { id, name: known, groups: new Set() };
    try {
      return {
        id,
        name: known,
        groups: await groupsOf({ dn: entry.dn, name }, groups, connection, this.#limits),
      };
    } catch (error) {
      // Nobody is to get less than they have.
      if (error instanceof TooManyEntries)
        return { refused: `${entry.dn} is in too many groups: ${error.message}` };
      throw error;
    }
  }
}

function accountRefused(reason: string): AuthenticatorUnavailable {
  return new AuthenticatorUnavailable(`the account that searches is refused: ${reason}`);
}
