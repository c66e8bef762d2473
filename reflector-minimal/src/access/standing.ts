import type { ProvenDevice } from '../devices/authentication.ts';
import { certificateFault } from '../devices/client-certificate.ts';
import type { Identity } from '../ports/identity.ts';
import type { DeviceKey } from '../ports/store.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Store } from '../store/store.ts';
import { seesDevice } from '../users/identity.ts';

/** Who was let in, by what, and to what. */
export type Holder =
  | { readonly kind: 'user'; readonly identity: Identity; readonly device: DeviceKey }
  | (ProvenDevice & { readonly kind: 'device' });

/** Why somebody would not be let in any more; or that they would, and until when unless something changes. */
export type Standing = { readonly ended: string } | { readonly until: number };

/**
 * The one rule for all that is live: it goes on as long as what let it in would let it in now. `now` and `until` are
 * wall-clock milliseconds.
 */
export function standingOf(
  context: { readonly store: Store; readonly sessions: Sessions },
  holder: Holder,
  now: number,
): Standing {
  return holder.kind === 'user' ? standingOfUser(context, holder) : standingOfDevice(context, holder, now);
}

function standingOfUser(
  { store, sessions }: { readonly store: Store; readonly sessions: Sessions },
  { identity: { user, session }, device }: Extract<Holder, { kind: 'user' }>,
): Standing {
  const present = store.users.get(user.name);
  if (present?.uid !== user.uid || present.password !== user.password) {
    return { ended: 'the password of this user was changed, or the user was removed' };
  }
  if (session === null && present.totpSecret !== null) {
    return { ended: 'this account asks for one-time passwords now: a name and password are not enough' };
  }
  const until = session === null ? Number.POSITIVE_INFINITY : sessions.holdsUntil(session);
  if (until === null) return { ended: 'logged out, or the session or token has expired' };
  const seen = store.devices.identity(device.id);
  if (seen?.uid !== device.uid || !seesDevice(present, seen)) {
    return { ended: 'this user does not see the device any more' };
  }
  return { until };
}

function standingOfDevice(
  { store }: { readonly store: Store },
  { device, certificate }: Extract<Holder, { kind: 'device' }>,
  now: number,
): Standing {
  const present = store.devices.credentials(device.id);
  if (present?.uid !== device.uid) return { ended: 'this device was removed' };
  if (certificate) {
    const fault = certificateFault(certificate, present, now);
    return fault === null ? { until: certificate.until } : { ended: `the client certificate ${fault}` };
  }
  return present.password === device.password
    ? { until: Number.POSITIVE_INFINITY }
    : { ended: 'the password of this device was changed' };
}
