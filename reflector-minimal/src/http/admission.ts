import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import { findTarget, namedDevice, type Target } from '../devices/target.ts';
import { type Identity, seesDevice } from '../users/identity.ts';
import type { Origin } from './origin.ts';
import { type Refusal, refusals } from './refusal.ts';

/** Who may talk to what. */
export interface Admitted {
  readonly identity: Identity;
  readonly target: Target;
}

/** First who asks, then what for: a stranger does not learn which devices there are. */
export async function admit(
  context: Context,
  request: IncomingMessage,
  label: string,
  origin: Origin,
): Promise<Admitted | { readonly refusal: Refusal }> {
  const { users, log } = context;
  const named = namedDevice(context, label);
  const identity = await users.authenticate(request, {
    // No session is of a device without a name.
    place: { kind: 'device', device: named?.id ?? '' },
    secure: origin.protocol === 'https',
  });
  if (identity === 'busy') return { refusal: refusals.busy };
  if (identity === 'refused') {
    if (request.headers.authorization !== undefined) log.warn({ address: origin.address }, 'log-in refused');
    return { refusal: refusals.logIn };
  }
  // A device that this user does not see is one that does not exist, in every respect.
  if (!named || !seesDevice(identity.user, named)) return { refusal: refusals.unknownDevice(label) };
  const target = findTarget(context, named);
  return 'status' in target ? { refusal: target } : { identity, target };
}
