import type { Credential } from '../audit/record.ts';
import type { Identity } from '../ports/identity.ts';
import type { DeviceRecord, UserRecord } from '../ports/store.ts';

/** For the audit log. */
export function credentialOf({ session }: Identity): Credential {
  if (session === null) return 'password';
  return session.kind === 'token' ? 'token' : 'session';
}

/** An administrator sees every device, a user those of the domains granted; what is not seen does not exist. */
export function seesDevice(user: UserRecord, device: Pick<DeviceRecord, 'domain'>): boolean {
  return user.role === 'administrator' || user.domains.includes(device.domain);
}
