import type { DeviceAccess, GrantedPort, RightsDevice, Sight } from 'rm-reflector/ports';
import type { Extent, Permission } from './permission.ts';
import { permissionsOf, type Role } from './role.ts';
import { covers, intersection, type KeyScope, type Scope } from './scope.ts';

/** One role for one scope. */
export interface HeldGrant {
  readonly role: Role;
  readonly scope: Scope;
  /** Ports of devices that may be opened; `null`: all. */
  readonly ports: readonly GrantedPort[] | null;
  /** Wall-clock ms; infinite: it does not end. */
  readonly until: number;
}

/** Everything that decides what one user may do, by their own log-in and by each of their keys. Nothing in it changes. */
export class UserRights {
  readonly #grants: readonly HeldGrant[];
  readonly #keys: ReadonlyMap<string, KeyScope>;
  /** By key ID: what is left of the grants. */
  readonly #ofKeys = new Map<string, readonly HeldGrant[]>();

  constructor(grants: readonly HeldGrant[], keys: ReadonlyMap<string, KeyScope>) {
    this.#grants = grants;
    this.#keys = keys;
  }

  /** `key`: ID of the API key that proves the user; `undefined`: none. `now`: wall-clock ms. */
  deviceAccess(device: RightsDevice, key: string | undefined, now: number): DeviceAccess | null {
    let until = Number.POSITIVE_INFINITY;
    let seen = false;
    let ports: Set<GrantedPort> | null = new Set();
    if (!this.#keyCovers(key, device)) return null;
    for (const grant of this.#grants) {
      if (grant.until <= now || !covers(grant.scope, device)) continue;
      if (!this.#allows(grant, 'devices.read', key)) continue;
      seen = true;
      until = Math.min(until, grant.until);
      if (!this.#allows(grant, 'devices.open', key)) continue;
      if (grant.ports === null) ports = null;
      else for (const port of grant.ports) ports?.add(port);
    }
    return seen ? { ports: ports && [...ports], until } : null;
  }

  sight(key: string | undefined, now: number): Sight {
    const domains = new Set<string>();
    const devices = new Set<string>();
    for (const { scope } of this.grants('devices.read', key, now)) {
      if (scope.kind === 'everything') return { domains: null, devices: [] };
      if (scope.kind === 'domain') domains.add(scope.domain);
      else devices.add(scope.id);
    }
    return { domains: [...domains], devices: [...devices] };
  }

  /** For what a permission is held. */
  extent(permission: Permission, key: string | undefined, now: number): Extent {
    const domains = new Set<string>();
    const devices = new Set<string>();
    for (const { scope } of this.grants(permission, key, now)) {
      if (scope.kind === 'everything') return null;
      if (scope.kind === 'domain') domains.add(scope.domain);
      else devices.add(scope.uid);
    }
    return { domains: [...domains], devices: [...devices] };
  }

  /** By which a permission is held. */
  grants(permission: Permission, key: string | undefined, now: number): readonly HeldGrant[] {
    return this.#held(key).filter((grant) => grant.until > now && this.#allows(grant, permission, key));
  }

  /** `null`: there is no such key any more. */
  keyExpires(key: string): number | null {
    return this.#keys.get(key)?.expires ?? null;
  }

  #keyCovers(key: string | undefined, device: RightsDevice): boolean {
    if (key === undefined) return true;
    const scope = this.#keys.get(key);
    return scope !== undefined && (scope.scopes?.some((one) => covers(one, device)) ?? true);
  }

  #allows({ role }: HeldGrant, permission: Permission, key: string | undefined): boolean {
    if (!permissionsOf[role].has(permission)) return false;
    return key === undefined || this.#keys.get(key)?.permissions.has(permission) === true;
  }

  #held(key: string | undefined): readonly HeldGrant[] {
    if (key === undefined) return this.#grants;
    let held = this.#ofKeys.get(key);
    if (!held) {
      const scope = this.#keys.get(key);
      held = scope ? narrowed(this.#grants, scope) : [];
      // Names of keys that do not exist are not kept.
      if (scope) this.#ofKeys.set(key, held);
    }
    return held;
  }
}

function narrowed(grants: readonly HeldGrant[], { scopes }: KeyScope): readonly HeldGrant[] {
  if (scopes === null) return grants;
  return grants.flatMap((grant) =>
    scopes.flatMap((scope) => {
      const both = intersection(grant.scope, scope);
      return both ? [{ ...grant, scope: both }] : [];
    }),
  );
}
