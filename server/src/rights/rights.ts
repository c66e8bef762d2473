import type { Identity } from 'rm-reflector/ports';
import type { Extent, Permission, Target } from './permission.ts';
import type { HeldGrant } from './user-rights.ts';

/** What one caller may do, as it is now. */
export interface CallerRights {
  /** Whether the permission is held for the whole of the target. */
  may(permission: Permission, target: Target): boolean;
  /** For what it is held; an extent without domains and devices: for nothing. */
  extent(permission: Permission): Extent;
  /** Whether it is held for anything at all. */
  any(permission: Permission): boolean;
  /** By which grants it is held. */
  grants(permission: Permission): readonly HeldGrant[];
}

export interface Rights {
  /** Of the user as the identity has it. Rejects with `StoreUnavailable`. */
  of(identity: Pick<Identity, 'user' | 'key'>): Promise<CallerRights>;
  /**
   * Of the user as they are now; `null`: they were removed, also where another user has the name, or the key was revoked or has
   * ended. Rejects with `StoreUnavailable`.
   */
  now(identity: Identity): Promise<{ readonly identity: Identity; readonly rights: CallerRights } | null>;
  /** What a user may do by their own log-in; `null`: there is no such user. */
  ofUser(name: string): Promise<CallerRights | null>;
}

/** From what the permissions hold for, and the grants that say so. */
export function callerRights(
  extent: (permission: Permission) => Extent,
  grants: (permission: Permission) => readonly HeldGrant[],
): CallerRights {
  return {
    extent,
    grants,
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
