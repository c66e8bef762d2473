import { type Changes, changeKey, type StoreCache } from '../cache/store-cache.ts';
import type { ProvenDevice } from '../devices/authentication.ts';
import { certificateFault } from '../devices/client-certificate.ts';
import type { Identity } from '../ports/identity.ts';
import type { Rights } from '../ports/rights.ts';
import type { DeviceKey, Store } from '../ports/store.ts';
import { mayOpen, type OpenedPort } from '../rights/opened-port.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Who was let in, by what, and to which port of which device; `null`: to the reflector itself. */
export type Holder =
  | {
      readonly kind: 'user';
      readonly identity: Identity;
      readonly device: DeviceKey;
      readonly opened: OpenedPort;
    }
  | { readonly kind: 'user'; readonly identity: Identity; readonly device: null }
  | (ProvenDevice & { readonly kind: 'device' });

/** Why a holder would not be let in now; or until when they may stay unless something changes. */
export type Standing = { readonly ended: string } | { readonly until: number };

/** What the rule depends on. */
export interface StandingSources {
  readonly cache: Pick<StoreCache, 'user' | 'device'>;
  readonly sessions: Pick<Sessions, 'holdsUntil'>;
  readonly store: Pick<Store, 'devices'>;
  readonly rights: Pick<Rights, 'deviceAccess' | 'validUntil'>;
}

/**
 * The one rule for everything that is live: it lasts for as long as its holder would be let in now. `now` and `until` are
 * wall-clock milliseconds. Rejects with `StoreUnavailable`.
 */
export function standingOf(sources: StandingSources, holder: Holder, now: number): Promise<Standing> {
  return holder.kind === 'user'
    ? standingOfUser(sources, holder, now)
    : standingOfDevice(sources, holder, now);
}

/** Whether a standing depends on one of these changes; `null`: anything may have changed. */
export function isAffected(holder: Holder, changes: Changes): boolean {
  if (changes === null) return true;
  if (holder.device && changes.has(changeKey({ kind: 'device', key: holder.device.id }))) return true;
  if (holder.kind === 'device') return false;
  const { user, session } = holder.identity;
  return (
    changes.has(changeKey({ kind: 'user', key: user.name })) ||
    (session !== null && changes.has(changeKey({ kind: 'session', key: session.hash.toString('hex') })))
  );
}

async function standingOfUser(
  { cache, sessions, rights }: StandingSources,
  holder: Extract<Holder, { kind: 'user' }>,
  now: number,
): Promise<Standing> {
  const { identity, device } = holder;
  const { user, session, credential } = identity;
  // First, since it reads the user again if memory is behind.
  const held = session === null ? Number.POSITIVE_INFINITY : await sessions.holdsUntil(session);
  const seen = device && (await cache.device(device.id));
  const present = await cache.user(user.name);
  if (present?.uid !== user.uid || present.password !== user.password) {
    return { ended: 'the password of this user was changed, or the user was removed' };
  }
  if (credential === 'password' && present.totpSecret !== null) {
    return { ended: 'this account asks for one-time passwords now: a name and password are not enough' };
  }
  if (held === null || identity.until <= now) {
    return { ended: 'logged out, or the session or token has expired' };
  }
  const asked = { ...identity, user: present };
  const valid = await rights.validUntil(asked);
  if (valid === null) return { ended: 'these credentials do not count any more' };
  const until = Math.min(held, identity.until, valid);
  if (holder.device === null) return { until };
  const access = seen?.uid === holder.device.uid ? await rights.deviceAccess(asked, seen) : null;
  if (access === null) return { ended: 'this user does not see the device any more' };
  if (!mayOpen(access, holder.opened)) {
    return { ended: 'this user may not open this port of the device any more' };
  }
  return { until: Math.min(until, access.until) };
}

async function standingOfDevice(
  { store }: StandingSources,
  { device, certificate }: Extract<Holder, { kind: 'device' }>,
  now: number,
): Promise<Standing> {
  const present = await store.devices.credentials(device.id);
  if (present?.uid !== device.uid) return { ended: 'this device was removed' };
  if (certificate) {
    const fault = certificateFault(certificate, present, now);
    return fault === null ? { until: certificate.until } : { ended: `the client certificate ${fault}` };
  }
  return present.password === device.password
    ? { until: Number.POSITIVE_INFINITY }
    : { ended: 'the password of this device was changed' };
}
