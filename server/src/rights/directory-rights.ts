import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { KnownUsers } from 'rm-reflector/ports';
import type { FleetDatabase } from '../store/fleet-database.ts';
import type { Role } from './role.ts';

/** What somebody has by a directory. */
export interface DirectoryGrants {
  /** Groups of the fleet, which have grants. One that does not exist gives nothing. */
  readonly groups: readonly string[];
  readonly grants: readonly DirectoryGrant[];
}

export interface DirectoryGrant {
  readonly role: Role;
  /** `null`: everything. */
  readonly domain: string | null;
}

export interface DirectoryRightsContext {
  readonly database: FleetDatabase;
  readonly known: Pick<KnownUsers, 'changed'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What users have by directories, beside what they have here: memberships with a source, and grants with a maker. */
export class DirectoryRights {
  readonly #context: DirectoryRightsContext;

  constructor(context: DirectoryRightsContext) {
    this.#context = context;
  }

  /** Replaces all that this user has from this directory. A user who was made anew meanwhile is left alone. */
  async set(
    { name, uid }: { readonly name: string; readonly uid: string },
    source: string,
    { groups, grants }: DirectoryGrants,
  ): Promise<void> {
    const { database, known, log } = this.#context;
    const missing = database.transaction(() => {
      const present = database.prepare('SELECT 1 FROM users WHERE name = ? AND uid = ?').get(name, uid);
      if (!present) return [];
      this.#setGrants(name, source, grants);
      return this.#setGroups(name, source, groups);
    });
    known.changed({ kind: 'user', key: name });
    if (missing.length > 0)
      log.warn({ directory: source, groups: missing }, 'groups of the fleet are missing');
  }

  /** Returns the groups that do not exist. */
  #setGroups(name: string, source: string, groups: readonly string[]): readonly string[] {
    const { database } = this.#context;
    database
      .prepare(
        `DELETE FROM fleet_members WHERE user = ? AND source = ?
           AND team NOT IN (SELECT value FROM json_each(?))`,
      )
      .run(name, source, JSON.stringify(groups));
    const exists = database.prepare('SELECT 1 FROM fleet_groups WHERE name = ?');
    const add = database.prepare('INSERT OR IGNORE INTO fleet_members (user, team, source) VALUES (?, ?, ?)');
    const missing = groups.filter((group) => !exists.get(group));
    for (const group of groups) if (!missing.includes(group)) add.run(name, group, source);
    return missing;
  }

  #setGrants(name: string, source: string, grants: readonly DirectoryGrant[]): void {
    const { database, clock } = this.#context;
    // No user has such a name.
    const maker = `directory:${source}`;
    const byId = new Map(grants.map((grant) => [idOf(name, source, grant), grant]));
    database
      .prepare(
        `DELETE FROM fleet_grants WHERE user = ? AND created_by = ?
           AND id NOT IN (SELECT value FROM json_each(?))`,
      )
      .run(name, maker, JSON.stringify([...byId.keys()]));
    const add = database.prepare(
      `INSERT OR IGNORE INTO fleet_grants (id, user, role, domain, created, created_by)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    for (const [id, { role, domain }] of byId) add.run(id, name, role, domain, clock.date(), maker);
  }
}

/** The same grant has the same ID each time, so that it stays as it is. */
function idOf(name: string, source: string, { role, domain }: DirectoryGrant): string {
  const parts = JSON.stringify([name, source, role, domain]);
  return createHash('sha256').update(parts).digest('base64url').slice(0, 22);
}
