import type { Identity, Session } from '../ports/identity.ts';
import type { DeviceRecord, UserRecord } from '../ports/store.ts';

/** Of the user who has just got this session. */
export function identityOf(session: Session): Identity {
  const credential = session.kind === 'token' ? 'token' : 'session';
  return { user: session.user, session, until: session.expires, by: credential, credential };
}

/** An administrator sees every device, a user those of the domains granted; what is not seen does not exist. */
export function seesDevice(user: UserRecord, device: Pick<DeviceRecord, 'domain'>): boolean {
  return user.role === 'administrator' || user.domains.includes(device.domain);
}
