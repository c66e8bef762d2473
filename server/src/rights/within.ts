import { type Extent, type Permission, permissions } from './permission.ts';
import type { CallerRights } from './rights.ts';

/**
 * A permission that `other` holds beyond `caller`; `null`: none. Who changes an account can take it over, so nobody changes that of
 * somebody who may do more.
 */
export function permissionBeyond(caller: CallerRights, other: CallerRights): Permission | null {
  return permissions.find((one) => !isWithin(other.extent(one), caller.extent(one))) ?? null;
}

function isWithin(inner: Extent, outer: Extent): boolean {
  if (outer === null) return true;
  if (inner === null) return false;
  return (
    inner.domains.every((domain) => outer.domains.includes(domain)) &&
    inner.devices.every((uid) => outer.devices.includes(uid))
  );
}
