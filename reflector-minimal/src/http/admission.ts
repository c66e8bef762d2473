import type { IncomingMessage } from 'node:http';
import type { Context } from '../context.ts';
import { findTarget, type Target } from '../devices/target.ts';
import type { UserRecord } from '../store/users.ts';
import type { Origin } from './origin.ts';
import { type Refusal, refusals } from './refusal.ts';

/** Who may talk to what. */
export interface Admitted {
  readonly user: UserRecord;
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
  const { authorization } = request.headers;
  const user = await users.authenticate(authorization);
  if (user === 'busy') return { refusal: refusals.busy };
  if (user === 'refused') {
    if (authorization !== undefined) log.warn({ address: origin.address }, 'log-in refused');
    return { refusal: refusals.logIn };
  }
  const target = findTarget(context, label);
  return 'status' in target ? { refusal: target } : { user, target };
}
