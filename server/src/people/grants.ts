import { randomUUID } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { GrantedPort, KnownUsers } from 'rm-reflector/ports';
import type { Role } from '../rights/role.ts';
import type { FleetDatabase } from '../store/fleet-database.ts';
import type { Groups } from './groups.ts';

/** Who is granted what. One of `user` and `group` is there; without `domain` and `device` it is everything. */
export interface Grant {
  readonly id: string;
  readonly user: string | null;
  readonly group: string | null;
  readonly role: Role;
  readonly domain: string | null;
  readonly device: string | null;
  /** `null`: every port. */
  readonly ports: readonly GrantedPort[] | null;
  /** Wall-clock ms; `null`: it does not end. */
  readonly until: number | null;
  readonly created: number;
  readonly createdBy: string;
}

export type NewGrant = Omit<Grant, 'id' | 'created'>;

interface Row extends Omit<Grant, 'ports'> {
  readonly ports: string | null;
}

const columns =
  'id, user, team AS "group", role, domain, device, ports, until, created, created_by AS createdBy';

function grantOf(row: Row): Grant {
  return { ...row, ports: row.ports === null ? null : (JSON.parse(row.ports) as GrantedPort[]) };
}

export interface GrantFilter {
  readonly user?: string;
  readonly group?: string;
  readonly domain?: string;
  readonly device?: string;
}

/** Those to one user, and those for some domains and devices. */
export interface GrantsSeen {
  readonly user: string;
  readonly domains: readonly string[];
  readonly uids: readonly string[];
}

export class Grants {
  readonly #database: FleetDatabase;
  readonly #known: KnownUsers;
  readonly #groups: Groups;
  readonly #clock: Clock;

  constructor(database: FleetDatabase, known: KnownUsers, groups: Groups, clock: Clock) {
    this.#database = database;
    this.#known = known;
    this.#groups = groups;
    this.#clock = clock;
  }

  async get(id: string): Promise<Grant | null> {
    const row = this.#database.prepare<Row>(`SELECT ${columns} FROM fleet_grants WHERE id = ?`).get(id);
    return row ? grantOf(row) : null;
  }

  /** `seen`: only these; `null`: all. */
  async page(
    { user, group, domain, device }: GrantFilter,
    seen: GrantsSeen | null,
    after: string,
    limit: number,
  ): Promise<Grant[]> {
    const domains = JSON.stringify(seen?.domains ?? []);
    const rows = await this.#database.read<Row>(
      `SELECT ${columns} FROM fleet_grants
       WHERE id > ? AND (? IS NULL OR user = ?) AND (? IS NULL OR team = ?) AND (? IS NULL OR domain = ?)
         AND (? IS NULL OR device = ?) AND (? OR user = ? OR domain IN (SELECT value FROM json_each(?)) OR device IN
           (SELECT id FROM devices WHERE domain IN (SELECT value FROM json_each(?)) OR uid IN (SELECT value FROM json_each(?))))
       ORDER BY id LIMIT ?`,
      after,
      ...[user, group, domain, device].flatMap((value) => [value ?? null, value ?? null]),
      ...[seen === null ? 1 : 0, seen?.user ?? null, domains, domains, JSON.stringify(seen?.uids ?? [])],
      limit,
    );
    return rows.map(grantOf);
  }

  /** `null`: this user or group has `most` grants already. */
  async add(grant: NewGrant, most: number): Promise<Grant | null> {
    const added: Grant = { ...grant, id: randomUUID(), created: this.#clock.date() };
    const done = this.#database.transaction(() => {
      const { count } = this.#database
        .prepare<{ count: number }>(
          'SELECT count(*) AS count FROM fleet_grants WHERE user IS ? AND team IS ?',
        )
        .get(added.user, added.group) ?? { count: 0 };
      if (count >= most) return false;
      this.#database
        .prepare(
          `INSERT INTO fleet_grants (id, user, team, role, domain, device, ports, until, created, created_by)
           VALUES (@id, @user, @group, @role, @domain, @device, @ports, @until, @created, @createdBy)`,
        )
        .run({ ...added, ports: added.ports === null ? null : JSON.stringify(added.ports) });
      return true;
    });
    if (!done) return null;
    this.#changed(added);
    return added;
  }

  async setUntil(grant: Grant, until: number | null): Promise<void> {
    this.#database.prepare('UPDATE fleet_grants SET until = ? WHERE id = ?').run(until, grant.id);
    this.#changed(grant);
  }

  async remove(grant: Grant): Promise<boolean> {
    const members = grant.group === null ? [] : this.#groups.usersOf(grant.group);
    const { changes } = this.#database.prepare('DELETE FROM fleet_grants WHERE id = ?').run(grant.id);
    this.#tell(grant.user === null ? members : [grant.user]);
    return changes > 0;
  }

  #changed({ user, group }: Grant): void {
    this.#tell(user === null ? this.#groups.usersOf(group ?? '') : [user]);
  }

  #tell(users: readonly string[]): void {
    for (const key of users) this.#known.changed({ kind: 'user', key });
  }
}
