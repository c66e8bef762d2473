import type { Clock } from 'rm-protocol';
import type { KnownUsers } from 'rm-reflector/ports';
import { hinted } from '../store/hinted.ts';
import { all, get, run, type Tables } from '../store/tables.ts';

export interface Group {
  readonly name: string;
  readonly description: string;
  readonly created: number;
  /** How many users are in it. */
  readonly members: number;
}

export interface Member {
  readonly user: string;
  /** Who has put them there: `local`, or the name of a directory. */
  readonly source: string;
}

/** Where memberships come from that the API changes. */
const local = 'local';

const columns = `name, description, created,
  (SELECT count(DISTINCT "user") FROM fleet_members WHERE team = fleet_groups.name) AS members`;

const selectOne = `SELECT ${columns} FROM fleet_groups WHERE name = ?`;

const selectUsers = 'SELECT DISTINCT "user" FROM fleet_members WHERE team = ?';

/** Groups of users. Members of a directory's groups are put there by the directory, and are its own to take away. */
export class Groups {
  readonly #tables: Tables;
  readonly #known: KnownUsers;
  readonly #clock: Clock;

  constructor(tables: Tables, known: KnownUsers, clock: Clock) {
    this.#tables = tables;
    this.#known = known;
    this.#clock = clock;
  }

  async get(name: string): Promise<Group | null> {
    return (await this.#tables.get<Group>(selectOne, name)) ?? null;
  }

  page(after: string, limit: number): Promise<Group[]> {
    return this.#tables.read<Group>(
      `SELECT ${columns} FROM fleet_groups WHERE name > ? ORDER BY name LIMIT ?`,
      after,
      limit,
    );
  }

  /** `full`: there are `most` groups already. */
  async add(name: string, description: string, most: number): Promise<'added' | 'taken' | 'full'> {
    const now = this.#clock.date();
    return this.#tables.transact(function* () {
      const present = yield* get<{ count: number }>('SELECT count(*) AS count FROM fleet_groups');
      if ((present?.count ?? 0) >= most) return 'full';
      const added = yield* run(
        'INSERT INTO fleet_groups (name, description, created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        name,
        description,
        now,
      );
      return added > 0 ? 'added' : 'taken';
    });
  }

  /** `check` is given the group as it is, `null` where there is none, and may throw: then nothing is changed. */
  async describe(name: string, description: string, check: (now: Group | null) => void): Promise<void> {
    await this.#tables.transact(function* () {
      check((yield* get<Group>(selectOne, name)) ?? null);
      yield* run('UPDATE fleet_groups SET description = ? WHERE name = ?', description, name);
    });
  }

  /** With its grants. */
  async remove(name: string): Promise<boolean> {
    const before = await this.#tables.all<{ user: string }>(selectUsers, name);
    const change = this.#tables.transact(function* () {
      const members = yield* all<{ user: string }>(selectUsers, name);
      return { members, removed: yield* run('DELETE FROM fleet_groups WHERE name = ?', name) };
    });
    const { removed } = await hinted(change, (done) => this.#changed(done?.members ?? before));
    return removed > 0;
  }

  members(name: string, after: string, limit: number): Promise<Member[]> {
    return this.#tables.read<Member>(
      `SELECT "user", min(source) AS source FROM fleet_members WHERE team = ? AND "user" > ?
       GROUP BY "user" ORDER BY "user" LIMIT ?`,
      name,
      after,
      limit,
    );
  }

  async usersOf(name: string): Promise<string[]> {
    const members = await this.#tables.all<{ user: string }>(selectUsers, name);
    return members.map(({ user }) => user);
  }

  /** False when there is no such user or group. */
  async join(name: string, user: string): Promise<boolean> {
    const done = await this.#tables.transact(function* () {
      const both = yield* get(
        'SELECT 1 FROM users, fleet_groups WHERE users.name = ? AND fleet_groups.name = ?',
        user,
        name,
      );
      if (!both) return false;
      yield* run(
        'INSERT INTO fleet_members ("user", team, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        user,
        name,
        local,
      );
      return true;
    });
    if (done) this.#changed([{ user }]);
    return done;
  }

  /** False when the user was not put there through the API. */
  async leave(name: string, user: string): Promise<boolean> {
    const change = this.#tables.run(
      'DELETE FROM fleet_members WHERE team = ? AND "user" = ? AND source = ?',
      name,
      user,
      local,
    );
    const left = await hinted(change, (done) => {
      if (done !== 0) this.#changed([{ user }]);
    });
    return left > 0;
  }

  #changed(members: readonly Pick<Member, 'user'>[]): void {
    for (const { user } of members) this.#known.changed({ kind: 'user', key: user });
  }
}
