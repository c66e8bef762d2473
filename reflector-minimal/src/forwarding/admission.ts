import type { IncomingMessage } from 'node:http';
import { claimedName } from '../authentication/user-authentication.ts';
import type { Context } from '../context.ts';
import { findTarget, namedDevice, type Target } from '../devices/target.ts';
import { credentialsOf } from '../http/credentials.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import { crossOriginRefusal } from '../isolation/cross-origin.ts';
import { forDevice } from '../isolation/device-credentials.ts';
import type { DeviceHost } from '../isolation/device-log-in.ts';
import { chosenDevice, isServiceWorker } from '../isolation/shared-host.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalTo } from '../refusals/of-denial.ts';
import { credentialOf, type Identity, seesDevice } from '../users/identity.ts';

/** Who may talk to what. */
export interface Admitted {
  readonly identity: Identity;
  readonly target: Target;
  /** `RevocationWatcher.revision` from before this was decided. */
  readonly since: number;
  /** `Authorization` that is meant for the device. */
  readonly authorization: string | null;
  /** On the host that all devices share. */
  readonly shared: boolean;
}

interface Refused {
  readonly refusal: Refusal;
  /** Who is refused and for which device, when that is known. */
  readonly identity?: Identity;
  readonly label?: string;
}

/** First who asks, then what for: a stranger does not learn which devices there are. A refusal is recorded. */
export async function admit(
  context: Context,
  request: IncomingMessage,
  host: DeviceHost,
  origin: Origin,
): Promise<Admitted | Refused> {
  const decision = await decide(context, request, host, origin);
  if ('refusal' in decision) {
    const { identity, label, refusal } = decision;
    context.audit.count({
      event: request.headers.upgrade === undefined ? 'request' : 'upgrade',
      allowed: false,
      user: identity?.user.name ?? claimedName(request),
      by: identity && credentialOf(identity),
      address: origin.address,
      device: label === undefined ? undefined : namedDevice(context, label)?.id,
      reason: refusal.error,
    });
  }
  return decision;
}

async function decide(
  context: Context,
  request: IncomingMessage,
  host: DeviceHost,
  origin: Origin,
): Promise<Admitted | Refused> {
  const shared = host.kind === 'shared';
  const since = context.revocation.revision;
  const known = await identify(context, request, host, origin);
  if ('refusal' in known) return known;
  const { identity, label } = known;
  const refusal = crossOriginRefusal(request, origin, identity);
  if (refusal) return { ...known, refusal };
  if (shared && isServiceWorker(request)) return { ...known, refusal: refusals.serviceWorker };
  // A device that this user does not see is one that does not exist, in every respect.
  const named = namedDevice(context, label);
  if (!named || !seesDevice(identity.user, named))
    return { ...known, refusal: refusals.unknownDevice(label) };
  const target = findTarget(context, named);
  if ('status' in target) return { ...known, refusal: target };
  // A browser would send to the next device on a shared host what this one has asked it for.
  const authorization = shared ? null : forDevice(context.tokens, request, identity);
  return { identity, target, since, authorization, shared };
}

/** Who asks, and for which device. */
async function identify(
  context: Context,
  request: IncomingMessage,
  host: DeviceHost,
  { protocol, address }: Origin,
): Promise<{ readonly identity: Identity; readonly label: string } | Refused> {
  const { users, log } = context;
  const secure = protocol === 'https';
  if (host.kind === 'shared') {
    return chosenDevice(context, request, secure) ?? { refusal: refusals.logIn };
  }
  const { label } = host;
  // Each port of a device is a host of its own, with a session of its own.
  const place = { kind: 'device', device: label } as const;
  const identity = await users.authenticate(request, { place, secure, address });
  if (!('denied' in identity)) return { identity, label };
  if (credentialsOf(request) !== null) {
    log.debug({ address, reason: identity.denied }, 'log-in refused');
  }
  return { refusal: refusalTo(request, identity), label };
}
