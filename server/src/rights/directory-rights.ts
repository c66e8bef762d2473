import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { KnownUsers } from 'rm-reflector/ports';
import { hinted } from '../store/hinted.ts';
import { get, run, type Tables, type Work } from '../store/tables.ts';
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
  readonly database: Tables;
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
    const { database, known, clock, log } = this.#context;
    const now = clock.date();
    const change = database.transact(function* () {
      const present = yield* get('SELECT 1 FROM users WHERE name = ? AND uid = ?', name, uid);
      if (!present) return [];
      yield* setGrants(database, name, source, grants, now);
      return yield* setGroups(database, name, source, groups);
    });
    const missing = await hinted(change, () => known.changed({ kind: 'user', key: name }));
    if (missing.length > 0)
      log.warn({ directory: source, groups: missing }, 'groups of the fleet are missing');
  }
}

/** Returns the groups that do not exist. */
function* setGroups(
  { dialect }: Pick<Tables, 'dialect'>,
  name: string,
  source: string,
  groups: readonly string[],
): Work<readonly string[]> {
  yield* run(
    `DELETE FROM fleet_members WHERE "user" = ? AND source = ? AND team NOT IN (${dialect.elements('?')})`,
    name,
    source,
    JSON.stringify(groups),
  );
  const missing: string[] = [];
  for (const group of groups) {
    if (yield* get('SELECT 1 FROM fleet_groups WHERE name = ?', group)) {
      yield* run(
        'INSERT INTO fleet_members ("user", team, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        name,
        group,
        source,
      );
    } else missing.push(group);
  }
  return missing;
}

function* setGrants(
  { dialect }: Pick<Tables, 'dialect'>,
  name: string,
  source: string,
  grants: readonly DirectoryGrant[],
  now: number,
): Work<void> {
  // No user has such a name.
  const maker = `directory:${source}`;
  const byId = new Map(grants.map((grant) => [idOf(name, source, grant), grant]));
  yield* run(
    `DELETE FROM fleet_grants WHERE "user" = ? AND created_by = ? AND id NOT IN (${dialect.elements('?')})`,
    name,
    maker,
    JSON.stringify([...byId.keys()]),
  );
  for (const [id, { role, domain }] of byId) {
    yield* run(
      `INSERT INTO fleet_grants (id, "user", role, domain, created, created_by) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
      id,
      name,
      role,
      domain,
      now,
      maker,
    );
  }
}

/** The same grant has the same ID each time, so that it stays as it is. */
function idOf(name: string, source: string, { role, domain }: DirectoryGrant): string {
  const parts = JSON.stringify([name, source, role, domain]);
  return createHash('sha256').update(parts).digest('base64url').slice(0, 22);
}
