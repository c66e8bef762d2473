import type { IncomingMessage } from 'node:http';
import { decodeBasic } from 'rm-protocol';
import type { Denied } from '../authentication/log-in.ts';
import type { Context } from '../context.ts';
import { findTarget, namedDevice } from '../devices/target.ts';
import { destinationOf } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { OnlineDevice } from '../ports/presence.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf } from '../refusals/of-denial.ts';
import { credentialOf, type Identity, seesDevice } from '../users/identity.ts';

/** Who connects to what. */
export interface ConnectTarget {
  readonly identity: Identity;
  readonly device: OnlineDevice;
  readonly port: number;
  /** `RevocationWatcher.revision` from before this was decided. */
  readonly since: number;
  /** Of the user. */
  readonly address: string;
}

/**
 * Decides about `CONNECT HOST:PORT`: first who asks, by `Proxy-Authorization` and by nothing else (a browser adds cookies by
 * itself), then what for. Only devices can be reached, never another host: this is no open proxy, and no way to the
 * reflector's own network. A refusal is recorded, except of requests that bring no credentials yet.
 */
export async function admitConnect(
  context: Context,
  request: IncomingMessage,
  origin: Origin,
): Promise<ConnectTarget | Refusal> {
  const value = request.headers['proxy-authorization'];
  if (value === undefined) return refusals.proxyLogIn;
  const { address, protocol } = origin;
  const since = context.revocation.revision;
  const refused = (refusal: Refusal, known: { identity?: Identity; device?: string }) => {
    const { identity, device } = known;
    context.audit.count({
      event: 'client-tunnel',
      allowed: false,
      user: identity?.user.name ?? decodeBasic(value)?.user,
      by: identity && credentialOf(identity),
      address,
      device,
      reason: refusal.error,
    });
    return refusal;
  };
  const identity = await context.users.byHeader(value, request, { secure: protocol === 'https', address });
  if ('denied' in identity) return refused(refusalByProxy(identity), {});
  const target = request.url ?? '';
  const destination = destinationOf(target, context);
  if (destination.kind !== 'device') return refused(refusals.noProxy, { identity });
  const { label } = destination;
  const named = namedDevice(context, label);
  // The port is that of CONNECT: a label that names another one is that of no device.
  if (!named || named.port !== null || !seesDevice(identity.user, named)) {
    return refused(refusals.unknownDevice(label), { identity });
  }
  const found = findTarget(context, named);
  if ('status' in found) return refused(found, { identity, device: named.id });
  return { identity, device: found.device, port: portOf(target), since, address };
}

/** The port of an authority that `request-rules.ts` has let pass. */
function portOf(target: string): number {
  return Number(target.slice(target.lastIndexOf(':') + 1));
}

/** A 401 in the words of a proxy. */
function refusalByProxy(denied: Denied): Refusal {
  if (denied.denied === 'refused') return refusals.proxyLogIn;
  const refusal = refusalOf(denied);
  if (refusal.status !== 401) return refusal;
  const headers = { 'Proxy-Authenticate': 'Bearer realm="Reflector"', 'X-Authenticate': 'TOTP' };
  return { ...refusal, status: 407, headers };
}
