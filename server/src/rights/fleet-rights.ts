import type { Clock } from 'rm-protocol';
import type {
  DeviceAccess,
  GrantedPort,
  Identity,
  KnownUsers,
  RightsDevice,
  Rights as RightsPort,
  Sight,
  UserRecord,
} from 'rm-reflector/ports';
import type { FleetDatabase } from '../store/fleet-database.ts';
import { type Permission, permissions } from './permission.ts';
import { type CallerRights, callerRights, type Rights } from './rights.ts';
import { type Role, roles } from './role.ts';
import type { KeyScope, KeyTarget, Scope } from './scope.ts';
import { type HeldGrant, UserRights } from './user-rights.ts';

interface GrantRow {
  readonly role: string;
  readonly domain: string | null;
  readonly device: string | null;
  readonly uid: string | null;
  readonly device_domain: string | null;
  readonly ports: string | null;
  readonly until: number | null;
}

interface KeyRow {
  readonly id: string;
  readonly permissions: string;
  readonly targets: string | null;
  readonly expires: number | null;
}

const selectGrants = `SELECT role, fleet_grants.domain, device, uid, devices.domain AS device_domain, ports, until
  FROM fleet_grants LEFT JOIN devices ON devices.id = device`;

/** Whether a user is of a directory that does not vouch for them now. */
export const endedMember =
  'SELECT 1 FROM fleet_directory_members AS member JOIN users USING (uid) WHERE user = ? AND name = user AND ended = 1';

const forever = Number.POSITIVE_INFINITY;

/**
 * Rights by role, group and grant, for the API and for the reflector's Rights port. What was read of a user is kept by the
 * record that the core knows of them, so it is forgotten when the change feed names the user.
 */
export class FleetRights implements Rights, RightsPort {
  readonly #database: FleetDatabase;
  readonly #known: KnownUsers;
  readonly #clock: Clock;
  readonly #kept = new WeakMap<UserRecord, UserRights>();

  constructor(database: FleetDatabase, known: KnownUsers, clock: Clock) {
    this.#database = database;
    this.#known = known;
    this.#clock = clock;
  }

  deviceAccess({ user, key }: Identity, device: RightsDevice): DeviceAccess | null {
    return this.#of(user).deviceAccess(device, key, this.#clock.date());
  }

  sight({ user, key }: Identity): Sight {
    return this.#of(user).sight(key, this.#clock.date());
  }

  validUntil({ user, key }: Identity): number | null {
    return key === undefined ? forever : this.#of(user).keyExpires(key);
  }

  async of({ user, key }: Pick<Identity, 'user' | 'key'>): Promise<CallerRights> {
    const rights = this.#of(user);
    return this.#caller(rights, key);
  }

  /** What a user may do by their own log-in; `null`: there is no such user. */
  async ofUser(name: string): Promise<CallerRights | null> {
    const user = await this.#known.user(name);
    return user && this.of({ user });
  }

  /**
   * What a user may who has made something that works on without them; `null`: they are gone, also where another user has the
   * name, or their directory does not vouch for them.
   */
  async ofMaker(name: string, uid: string | null): Promise<CallerRights | null> {
    const user = await this.#known.user(name);
    if (user?.uid !== uid || this.#database.prepare(endedMember).get(name)) return null;
    return this.of({ user });
  }

  /** What an administrator may do: everything. */
  administrator(): CallerRights {
    const everything: HeldGrant = {
      role: 'administrator',
      scope: { kind: 'everything' },
      ports: null,
      until: forever,
    };
    return this.#caller(new UserRights([everything], new Map()), undefined);
  }

  /** What the members of a group may do by it. */
  ofGroup(name: string): CallerRights {
    const rows = this.#database.prepare<GrantRow>(`${selectGrants} WHERE team = ?`).all(name);
    const rights = new UserRights(rows.flatMap(heldGrant), new Map());
    return this.#caller(rights, undefined);
  }

  #caller(rights: UserRights, key: string | undefined): CallerRights {
    return callerRights(
      (permission) => rights.extent(permission, key, this.#clock.date()),
      (permission) => rights.grants(permission, key, this.#clock.date()),
    );
  }

  #of(user: UserRecord): UserRights {
    let rights = this.#kept.get(user);
    if (!rights) {
      rights = new UserRights(this.#grantsOf(user), this.#keysOf(user.name));
      this.#kept.set(user, rights);
    }
    return rights;
  }

  #grantsOf({ name, role, domains }: UserRecord): HeldGrant[] {
    const everything: Scope = { kind: 'everything' };
    const common = { ports: null, until: forever };
    const ofReflector: HeldGrant[] = [
      ...(role === 'administrator' ? [{ role, scope: everything, ...common }] : []),
      ...domains.map((domain) => ({
        role: 'user' as const,
        scope: { kind: 'domain', domain } as const,
        ...common,
      })),
    ];
    const rows = this.#database
      .prepare<GrantRow>(
        `${selectGrants} WHERE user = ? OR team IN (SELECT team FROM fleet_members WHERE user = ?)`,
      )
      .all(name, name);
    return [...ofReflector, ...rows.flatMap(heldGrant)];
  }

  #keysOf(name: string): Map<string, KeyScope> {
    const rows = this.#database
      .prepare<KeyRow>(`SELECT id, permissions, targets, expires FROM fleet_keys WHERE user = ?
           AND NOT EXISTS (${endedMember})`)
      .all(name, name);
    return new Map(
      rows.map((row) => [
        row.id,
        {
          permissions: new Set((JSON.parse(row.permissions) as string[]).filter(isPermission)),
          scopes: row.targets === null ? null : this.#scopesOf(row.targets),
          expires: row.expires ?? forever,
        },
      ]),
    );
  }

  #scopesOf(targets: string): Scope[] {
    return (JSON.parse(targets) as KeyTarget[]).flatMap((target): Scope[] => {
      if ('domain' in target) return [{ kind: 'domain', domain: target.domain }];
      const present = this.#database
        .prepare<{ domain: string }>('SELECT domain FROM devices WHERE id = ? AND uid = ?')
        .get(target.device, target.uid);
      return present ? [{ kind: 'device', id: target.device, uid: target.uid, domain: present.domain }] : [];
    });
  }
}

/** A role of a newer server allows nothing here. */
function heldGrant({ role, domain, device, uid, device_domain, ports, until }: GrantRow): HeldGrant[] {
  if (!isRole(role)) return [];
  let scope: Scope = { kind: 'everything' };
  if (device !== null) {
    if (uid === null || device_domain === null) return [];
    scope = { kind: 'device', id: device, uid, domain: device_domain };
  } else if (domain !== null) scope = { kind: 'domain', domain };
  const granted = ports === null ? null : (JSON.parse(ports) as GrantedPort[]);
  return [{ role, scope, ports: granted, until: until ?? forever }];
}

function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text);
}

function isPermission(text: string): text is Permission {
  return (permissions as readonly string[]).includes(text);
}
