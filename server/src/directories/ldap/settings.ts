import type { GrantRule } from '../members/grant-rules.ts';

/** How to find people and their groups in an LDAP directory. */
export interface LdapSettings {
  /** For the log-in page, the log and the audit log. */
  readonly name: string;
  /** `ldaps://` or `ldap://`, in the order in which they are tried. */
  readonly urls: readonly string[];
  /** TLS on `ldap://` (RFC 4511 section 4.14). */
  readonly startTls: boolean;
  /** PEM text of the authorities that vouch for the directory; `null`: those of Node. */
  readonly ca: string | null;
  /** The account that searches; `null`: an anonymous search, or that of the user. */
  readonly searchAs: { readonly dn: string; readonly password: string } | null;
  /** Bind as the user at once, under this name; `null`: search first. */
  readonly bindAs: string | null;
  readonly users: {
    readonly base: string;
    /** With `{name}`. */
    readonly filter: string;
    /** Its value is the name of the user here. */
    readonly nameAttribute: string;
    /** Its value never changes and is never given to another entry. */
    readonly idAttribute: string;
  };
  /** `null`: groups are not looked at. */
  readonly groups: {
    readonly base: string;
    readonly filter: string;
    /** Of a group: whom it has as a member. */
    readonly memberAttribute: string;
    /** What it says of a member: its distinguished name, or its name (`memberUid`). */
    readonly memberValue: 'dn' | 'name';
    readonly nameAttribute: string;
    /** Groups in groups: found one level after the other, by the directory itself (Active Directory), or not at all. */
    readonly nested: 'search' | 'inChain' | 'none';
  } | null;
  readonly grants: readonly GrantRule[];
  /** How long what the directory has said counts, in milliseconds. Without news, its user is out afterwards. */
  readonly membershipMs: number;
  /** How long after a log-in the same password is taken while the directory is away; 0: not at all. */
  readonly offlineMs: number;
  /** How often members are looked up again; needs an account that searches. */
  readonly refreshMs: number;
}
