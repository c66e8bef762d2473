import type { Clock } from 'rm-protocol';
import type { KnownUsers } from 'rm-reflector/ports';
import type { FleetDatabase } from '../store/fleet-database.ts';

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
  (SELECT count(DISTINCT user) FROM fleet_members WHERE team = name) AS members`;

/** Groups of users. Members of a directory's groups are put there by the directory, and are its own to take away. */
export class Groups {
  readonly #database: FleetDatabase;
  readonly #known: KnownUsers;
  readonly #clock: Clock;

  constructor(database: FleetDatabase, known: KnownUsers, clock: Clock) {
    this.#database = database;
    this.#known = known;
    this.#clock = clock;
  }

  async get(name: string): Promise<Group | null> {
    return (
      this.#database.prepare<Group>(`SELECT ${columns} FROM fleet_groups WHERE name = ?`).get(name) ?? null
    );
  }

  page(after: string, limit: number): Promise<Group[]> {
    return this.#database.read<Group>(
      `SELECT ${columns} FROM fleet_groups WHERE name > ? ORDER BY name LIMIT ?`,
      after,
      limit,
    );
  }

  /** `full`: there are `most` groups already. */
  async add(name: string, description: string, most: number): Promise<'added' | 'taken' | 'full'> {
    return this.#database.transaction(() => {
      const { count } = this.#database
        .prepare<{ count: number }>('SELECT count(*) AS count FROM fleet_groups')
        .get() ?? { count: 0 };
      if (count >= most) return 'full';
      const { changes } = this.#database
        .prepare('INSERT OR IGNORE INTO fleet_groups (name, description, created) VALUES (?, ?, ?)')
        .run(name, description, this.#clock.date());
      return changes > 0 ? 'added' : 'taken';
    });
  }

  async describe(name: string, description: string): Promise<void> {
    this.#database.prepare('UPDATE fleet_groups SET description = ? WHERE name = ?').run(description, name);
  }

  /** With its grants. */
  async remove(name: string): Promise<boolean> {
    const members = this.usersOf(name);
    const { changes } = this.#database.prepare('DELETE FROM fleet_groups WHERE name = ?').run(name);
    this.#changed(members);
    return changes > 0;
  }

  members(name: string, after: string, limit: number): Promise<Member[]> {
    return this.#database.read<Member>(
      `SELECT user, min(source) AS source FROM fleet_members WHERE team = ? AND user > ?
       GROUP BY user ORDER BY user LIMIT ?`,
      name,
      after,
      limit,
    );
  }

  usersOf(name: string): string[] {
    return this.#database
      .prepare<{ user: string }>('SELECT DISTINCT user FROM fleet_members WHERE team = ?')
      .all(name)
      .map(({ user }) => user);
  }

  /** False when there is no such user or group. */
  async join(name: string, user: string): Promise<boolean> {
    const done = this.#database.transaction(() => {
      const both = this.#database
        .prepare('SELECT 1 FROM users, fleet_groups WHERE users.name = ? AND fleet_groups.name = ?')
        .get(user, name);
      if (!both) return false;
      this.#database
        .prepare('INSERT OR IGNORE INTO fleet_members (user, team, source) VALUES (?, ?, ?)')
        .run(user, name, local);
      return true;
    });
    if (done) this.#changed([user]);
    return done;
  }

  /** False when the user was not put there through the API. */
  async leave(name: string, user: string): Promise<boolean> {
    const { changes } = this.#database
      .prepare('DELETE FROM fleet_members WHERE team = ? AND user = ? AND source = ?')
      .run(name, user, local);
    if (changes > 0) this.#changed([user]);
    return changes > 0;
  }

  #changed(users: readonly string[]): void {
    for (const key of users) this.#known.changed({ kind: 'user', key });
  }
}
