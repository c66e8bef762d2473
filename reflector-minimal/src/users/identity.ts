import type { Credential } from '../audit/record.ts';
import type { DeviceRecord, UserRecord } from '../ports/store.ts';
import type { Session } from '../sessions/sessions.ts';

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
