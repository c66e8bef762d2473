import type { Identity } from 'rm-reflector/ports';
import type { Extent, Permission, Target } from './permission.ts';

/** What one caller may do, as it is now. */
export interface CallerRights {
  /** Whether the permission is held for the whole of the target. */
  may(permission: Permission, target: Target): boolean;
  /** For what it is held; an extent without domains and devices: for nothing. */
  extent(permission: Permission): Extent;
  /** Whether it is held for anything at all. */
  any(permission: Permission): boolean;
}

export interface Rights {
  /** Rejects with `StoreUnavailable`. */
  of(identity: Identity): Promise<CallerRights>;
}

/** The roles of the reflector: an administrator may do everything, a user opens the devices of the granted domains. */
export class ReflectorRoles implements Rights {
  async of({ user }: Identity): Promise<CallerRights> {
    const granted: ReadonlySet<Permission> = new Set([
      'devices.open',
      'devices.read',
      'domains.read',
      'events.read',
    ]);
    const extent = (permission: Permission): Extent => {
      if (user.role === 'administrator') return null;
      return { domains: granted.has(permission) ? user.domains : [], devices: [] };
    };
    return callerRights(extent);
  }
}

/** From what the permissions hold for. */
export function callerRights(extent: (permission: Permission) => Extent): CallerRights {
  return {
    extent,
    any: (permission) => {
      const held = extent(permission);
      return held === null || held.domains.length > 0 || held.devices.length > 0;
    },
    may: (permission, target) => {
      const held = extent(permission);
      if (held === null) return true;
      if (target.kind === 'everything') return false;
      const domain = target.kind === 'domain' ? target.domain : target.device.domain;
      return (
        held.domains.includes(domain) ||
        (target.kind === 'device' && held.devices.includes(target.device.uid))
      );
    },
  };
}
