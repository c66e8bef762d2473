import type { Clock } from 'rm-protocol';
import {
  type DeviceAccess,
  type Eventual,
  type GrantedPort,
  type Identity,
  type KnownUsers,
  type RightsDevice,
  type Rights as RightsPort,
  type Sight,
  type UserRecord,
  whenKnown,
} from 'rm-reflector/ports';
import type { Tables } from '../store/tables.ts';
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
  'SELECT 1 FROM fleet_directory_members AS member JOIN users USING (uid) WHERE "user" = ? AND users.name = "user" AND ended = 1';

const forever = Number.POSITIVE_INFINITY;

/**
 * Rights by role, group and grant, for the API and for the reflector's Rights port. What was read of a user is kept by the
 * record that the core knows of them, so it is forgotten when the change feed names the user.
 */
export class FleetRights implements Rights, RightsPort {
  readonly #tables: Tables;
  readonly #known: KnownUsers;
  readonly #clock: Clock;
  readonly #kept = new WeakMap<UserRecord, UserRights>();

  constructor(tables: Tables, known: KnownUsers, clock: Clock) {
    this.#tables = tables;
    this.#known = known;
    this.#clock = clock;
  }

  deviceAccess({ user, key }: Identity, device: RightsDevice): Eventual<DeviceAccess | null> {
    return whenKnown(this.#of(user), (rights) => rights.deviceAccess(device, key, this.#clock.date()));
  }

  sight({ user, key }: Identity): Eventual<Sight> {
    return whenKnown(this.#of(user), (rights) => rights.sight(key, this.#clock.date()));
  }

  validUntil({ user, key }: Identity): Eventual<number | null> {
    return key === undefined ? forever : whenKnown(this.#of(user), (rights) => rights.keyExpires(key));
  }

  async of({ user, key }: Pick<Identity, 'user' | 'key'>): Promise<CallerRights> {
    return this.#caller(await this.#of(user), key);
  }

  async now(identity: Identity): Promise<{ identity: Identity; rights: CallerRights } | null> {
    const user = await this.#known.user(identity.user.name);
    if (user?.uid !== identity.user.uid) return null;
    const present = { ...identity, user };
    const until = await this.validUntil(present);
    if (until === null || until <= this.#clock.date()) return null;
    return { identity: present, rights: await this.of(present) };
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
    if (user?.uid !== uid || (await this.#tables.get(endedMember, name))) return null;
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
  async ofGroup(name: string): Promise<CallerRights> {
    const rows = await this.#tables.all<GrantRow>(`${selectGrants} WHERE team = ?`, name);
    const rights = new UserRights(rows.flatMap(heldGrant), new Map());
    return this.#caller(rights, undefined);
  }

  #caller(rights: UserRights, key: string | undefined): CallerRights {
    return callerRights(
      (permission) => rights.extent(permission, key, this.#clock.date()),
      (permission) => rights.grants(permission, key, this.#clock.date()),
    );
  }

  #of(user: UserRecord): Eventual<UserRights> {
    return this.#kept.get(user) ?? this.#read(user);
  }

  /** Whoever asks at once reads it too: what is kept is of the record that the feed has not replaced. */
  async #read(user: UserRecord): Promise<UserRights> {
    const rights = new UserRights(await this.#grantsOf(user), await this.#keysOf(user.name));
    this.#kept.set(user, rights);
    return rights;
  }

  async #grantsOf({ name, role, domains }: UserRecord): Promise<HeldGrant[]> {
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
    const rows = await this.#tables.all<GrantRow>(
      `${selectGrants} WHERE "user" = ? OR team IN (SELECT team FROM fleet_members WHERE "user" = ?)`,
      name,
      name,
    );
    return [...ofReflector, ...rows.flatMap(heldGrant)];
  }

  async #keysOf(name: string): Promise<Map<string, KeyScope>> {
    const rows = await this.#tables.all<KeyRow>(
      `SELECT id, permissions, targets, expires FROM fleet_keys WHERE "user" = ? AND NOT EXISTS (${endedMember})`,
      name,
      name,
    );
    const keys = new Map<string, KeyScope>();
    for (const { id, permissions: given, targets, expires } of rows) {
      keys.set(id, {
        permissions: new Set((JSON.parse(given) as string[]).filter(isPermission)),
        scopes: targets === null ? null : await this.#scopesOf(targets),
        expires: expires ?? forever,
      });
    }
    return keys;
  }

  async #scopesOf(targets: string): Promise<Scope[]> {
    const scopes: Scope[] = [];
    for (const target of JSON.parse(targets) as KeyTarget[]) {
      if ('domain' in target) {
        scopes.push({ kind: 'domain', domain: target.domain });
        continue;
      }
      const { device: id, uid } = target;
      const select = 'SELECT domain FROM devices WHERE id = ? AND uid = ?';
      const present = await this.#tables.get<{ domain: string }>(select, id, uid);
      if (present) scopes.push({ kind: 'device', id, uid, domain: present.domain });
    }
    return scopes;
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
