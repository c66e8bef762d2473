import { type Permission, permissions, type Target } from './permission.ts';
import type { CallerRights } from './rights.ts';
import { permissionsOf } from './role.ts';
import { covers, type Scope } from './scope.ts';
import type { HeldGrant } from './user-rights.ts';

/**
 * A permission that `other` holds beyond `caller`: for more, for longer or for more ports; `null`: none. Who changes an account can
 * take it over, so nobody changes that of somebody who may do more.
 */
export function permissionBeyond(
  caller: Pick<CallerRights, 'grants'>,
  other: Pick<CallerRights, 'grants'>,
): Permission | null {
  const isBeyond = (one: Permission) =>
    other.grants(one).some((grant) => !holds(caller.grants(one), one, grant));
  return permissions.find(isBeyond) ?? null;
}

/** A permission of a grant that `caller` does not hold for all of its target, until its end and for its ports; `null`: none. */
export function notHeld(
  caller: Pick<CallerRights, 'grants'>,
  { role, ...bounds }: Pick<HeldGrant, 'role' | 'ports' | 'until'>,
  target: Target,
): Permission | null {
  const scope: Scope = target.kind === 'device' ? { kind: 'device', ...target.device } : target;
  const isMissing = (one: Permission) => !holds(caller.grants(one), one, { ...bounds, scope });
  return [...permissionsOf[role]].find(isMissing) ?? null;
}

function holds(
  grants: readonly HeldGrant[],
  permission: Permission,
  { scope, ports, until }: Omit<HeldGrant, 'role'>,
): boolean {
  const lasting = grants.filter((grant) => grant.until >= until && isWithin(scope, grant.scope));
  if (permission !== 'devices.open') return lasting.length > 0;
  if (ports === null) return lasting.some((grant) => grant.ports === null);
  return (
    lasting.length > 0 &&
    ports.every((port) => lasting.some((grant) => grant.ports === null || grant.ports.includes(port)))
  );
}

function isWithin(inner: Scope, outer: Scope): boolean {
  if (outer.kind === 'everything') return true;
  if (inner.kind === 'device') return covers(outer, inner);
  return inner.kind === 'domain' && outer.kind === 'domain' && inner.domain === outer.domain;
}
