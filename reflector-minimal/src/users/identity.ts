import type { Credential } from '../audit/record.ts';
import type { Session, Sessions } from '../sessions/sessions.ts';
import type { DeviceRecord } from '../store/devices.ts';
import type { Store } from '../store/store.ts';
import type { UserRecord } from '../store/users.ts';

/** Who a request is from, and how that is known. */
export interface Identity {
  readonly user: UserRecord;
  /** `null`: by name and password with this very request. */
  readonly session: Session | null;
}

/** For the audit log. */
export function credentialOf({ session }: Identity): Credential {
  if (session === null) return 'password';
  return session.kind === 'token' ? 'token' : 'session';
}

/** An administrator sees every device, a user those of the domains granted; what is not seen does not exist. */
export function seesDevice(user: UserRecord, device: Pick<DeviceRecord, 'domain'>): boolean {
  return user.role === 'administrator' || user.domains.includes(device.domain);
}

/**
 * Why what was let in under this identity may not go on, for `LiveAccess`; `null` while it may. `deviceId`: what it goes
 * on with, which the user must still see.
 */
export function revokedReason(
  { store, sessions }: { readonly store: Store; readonly sessions: Sessions },
  { user, session }: Identity,
  deviceId: string | null,
): string | null {
  const present = store.users.get(user.name);
  if (present?.password !== user.password) {
    return 'the password of this user was changed, or the user was removed';
  }
  if (session && !sessions.present(session)) return 'logged out, or the session or token has expired';
  if (deviceId !== null) {
    const device = store.devices.identity(deviceId);
    if (!device || !seesDevice(present, device)) return 'this user does not see the device any more';
  }
  return null;
}
