import { randomUUID } from 'node:crypto';
import type { Clock } from 'rm-protocol';
import type { GrantedPort, KnownUsers } from 'rm-reflector/ports';
import type { Role } from '../rights/role.ts';
import { hinted } from '../store/hinted.ts';
import { get, run, type Tables } from '../store/tables.ts';
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
  'id, "user", team AS "group", role, domain, device, ports, until, created, created_by AS "createdBy"';

const selectOne = `SELECT ${columns} FROM fleet_grants WHERE id = ?`;

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
  readonly #tables: Tables;
  readonly #known: KnownUsers;
  readonly #groups: Groups;
  readonly #clock: Clock;

  constructor(tables: Tables, known: KnownUsers, groups: Groups, clock: Clock) {
    this.#tables = tables;
    this.#known = known;
    this.#groups = groups;
    this.#clock = clock;
  }

  async get(id: string): Promise<Grant | null> {
    const row = await this.#tables.get<Row>(selectOne, id);
    return row ? grantOf(row) : null;
  }

  /** `seen`: only these; `null`: all. */
  async page(
    { user, group, domain, device }: GrantFilter,
    seen: GrantsSeen | null,
    after: string,
    limit: number,
  ): Promise<Grant[]> {
    const { elements } = this.#tables.dialect;
    const domains = JSON.stringify(seen?.domains ?? []);
    const given = ['"user"', 'team', 'domain', 'device'].map(
      (column) => `(CAST(? AS TEXT) IS NULL OR ${column} = ?)`,
    );
    const rows = await this.#tables.read<Row>(
      `SELECT ${columns} FROM fleet_grants
       WHERE id > ? AND ${given.join(' AND ')}
         AND (? = 1 OR "user" = ? OR domain IN (${elements('?')}) OR device IN
           (SELECT id FROM devices WHERE domain IN (${elements('?')}) OR uid IN (${elements('?')})))
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
    const users = await this.#usersOf(added);
    const done = await this.#tables.transact(function* () {
      const present = yield* get<{ count: number }>(
        'SELECT count(*) AS count FROM fleet_grants WHERE "user" IS NOT DISTINCT FROM ? AND team IS NOT DISTINCT FROM ?',
        added.user,
        added.group,
      );
      if ((present?.count ?? 0) >= most) return false;
      yield* run(
        `INSERT INTO fleet_grants (id, "user", team, role, domain, device, ports, until, created, created_by)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        added.id,
        added.user,
        added.group,
        added.role,
        added.domain,
        added.device,
        added.ports === null ? null : JSON.stringify(added.ports),
        added.until,
        added.created,
        added.createdBy,
      );
      return true;
    });
    if (!done) return null;
    this.#tell(users);
    return added;
  }

  /** `check` is given the grant as it is, `null` where it is gone, and may throw: then nothing is changed. */
  async setUntil(grant: Grant, until: number | null, check: (now: Grant | null) => void): Promise<void> {
    const users = await this.#usersOf(grant);
    const change = this.#tables.transact(function* () {
      const row = yield* get<Row>(selectOne, grant.id);
      check(row ? grantOf(row) : null);
      yield* run('UPDATE fleet_grants SET until = ? WHERE id = ?', until, grant.id);
    });
    await hinted(change, () => this.#tell(users));
  }

  async remove(grant: Grant): Promise<boolean> {
    const users = await this.#usersOf(grant);
    const change = this.#tables.run('DELETE FROM fleet_grants WHERE id = ?', grant.id);
    return (await hinted(change, () => this.#tell(users))) > 0;
  }

  /** Read before a change, so that nothing fails after it. Who joins meanwhile is told of that. */
  async #usersOf({ user, group }: Grant): Promise<readonly string[]> {
    return user === null ? this.#groups.usersOf(group ?? '') : [user];
  }

  #tell(users: readonly string[]): void {
    for (const key of users) this.#known.changed({ kind: 'user', key });
  }
}
