import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import { findTarget, namedDevice, type Target } from '../devices/target.ts';
import { credentialOf, type Identity, seesDevice } from '../users/identity.ts';
import { crossOriginRefusal } from './cross-origin.ts';
import type { Origin } from './origin.ts';
import { type Refusal, refusalOf, refusals } from './refusal.ts';

/** Who may talk to what. */
export interface Admitted {
  readonly identity: Identity;
  readonly target: Target;
  /** `Authorization` that is meant for the device. */
  readonly authorization: string | null;
}

interface Refused {
  readonly refusal: Refusal;
  /** Who is refused, when that is known. */
  readonly identity?: Identity;
}

/** First who asks, then what for: a stranger does not learn which devices there are. A refusal is recorded. */
export async function admit(
  context: Context,
  request: IncomingMessage,
  label: string,
  origin: Origin,
): Promise<Admitted | Refused> {
  const decision = await decide(context, request, label, origin);
  if ('refusal' in decision) {
    const { identity, refusal } = decision;
    context.audit.count({
      event: request.headers.upgrade === undefined ? 'request' : 'upgrade',
      allowed: false,
      user: identity?.user.name,
      by: identity && credentialOf(identity),
      address: origin.address,
      device: namedDevice(context, label)?.id,
      reason: refusal.error,
    });
  }
  return decision;
}

async function decide(
  context: Context,
  request: IncomingMessage,
  label: string,
  origin: Origin,
): Promise<Admitted | Refused> {
  const { users, log } = context;
  const named = namedDevice(context, label);
  const identity = await users.authenticate(request, {
    // Each port of a device is a host of its own, with a session of its own.
    place: { kind: 'device', device: label },
    secure: origin.protocol === 'https',
    address: origin.address,
  });
  if ('denied' in identity) {
    if (request.headers.authorization !== undefined) {
      log.warn({ address: origin.address, reason: identity.denied }, 'log-in refused');
    }
    return { refusal: refusalOf(identity) };
  }
  const refusal = crossOriginRefusal(request, origin, identity);
  if (refusal) return { refusal, identity };
  // A device that this user does not see is one that does not exist, in every respect.
  if (!named || !seesDevice(identity.user, named))
    return { refusal: refusals.unknownDevice(label), identity };
  const target = findTarget(context, named);
  if ('status' in target) return { refusal: target, identity };
  return { identity, target, authorization: await forDevice(context, request, identity) };
}

/** What let the user in is the reflector's; with a session, `Authorization` may be the device's. */
async function forDevice(
  { deviceCredentials }: Context,
  request: IncomingMessage,
  { session }: Identity,
): Promise<string | null> {
  const { authorization } = request.headers;
  if (!authorization || session?.kind !== 'device') return null;
  return (await deviceCredentials.forDevice(authorization, session)) ? authorization : null;
}
