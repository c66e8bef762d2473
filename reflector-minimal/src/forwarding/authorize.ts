import type { IncomingMessage } from 'node:http';
import type { StoreCache } from '../cache/store-cache.ts';
import { type NamedDevice, namedDevice } from '../devices/named-device.ts';
import { destinationOf } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import { crossOriginRefusal } from '../isolation/cross-origin.ts';
import type { DeviceHost } from '../isolation/device-log-in.ts';
import { isServiceWorker } from '../isolation/shared-host.ts';
import type { Identity } from '../ports/identity.ts';
import type { DeviceAccess, Rights } from '../ports/rights.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { Identified } from './identify.ts';

/** Who may use which device. */
export interface Authorized extends Identified {
  readonly label: string;
  readonly named: NamedDevice;
  /** What its user may do with it; the port is not known yet. */
  readonly access: DeviceAccess;
}

export interface AuthorizeContext {
  readonly cache: Pick<StoreCache, 'device'>;
  readonly rights: Pick<Rights, 'deviceAccess'>;
  /** The domain whose labels are devices, in lower case. */
  readonly domain: string;
  /** The host that devices share, in lower case; `null`: there is none. */
  readonly cookieHost: string | null;
}

/** Where the request comes from, then whether its user sees the device. */
export async function authorize(
  context: AuthorizeContext,
  request: IncomingMessage,
  host: DeviceHost,
  origin: Origin,
  { identity, label }: Identified,
): Promise<Authorized | Refusal> {
  if (identity.only === 'own') return refusals.forOwnHost;
  const refusal = crossOriginRefusal(request, origin, identity);
  if (refusal) return refusal;
  if (host.kind === 'shared' && isServiceWorker(request)) return refusals.serviceWorker;
  if (label === null) return refusals.unknownDevice('');
  const named = await namedDevice(context.cache, label);
  return seen(context, identity, label, named);
}

/** Only devices can be reached by CONNECT: this is no open proxy, and no way to the reflector's own network. */
export async function authorizeConnect(
  context: AuthorizeContext,
  request: IncomingMessage,
  { identity }: Identified,
): Promise<Authorized | Refusal> {
  if (identity.only === 'own') return refusals.forOwnHost;
  const destination = destinationOf(request.url ?? '', context);
  if (destination.kind !== 'device') return refusals.noProxy;
  const { label } = destination;
  const named = await namedDevice(context.cache, label);
  // CONNECT names the port itself, so a label with a port names no device.
  return seen(context, identity, label, named?.port === null ? named : null);
}

/** By the ID of the device, for a user who was proven before. */
export async function authorizeNamed(
  context: Pick<AuthorizeContext, 'rights'>,
  identity: Identity,
  id: string,
  named: NamedDevice | null,
): Promise<Authorized | Refusal> {
  if (identity.only === 'own') return refusals.forOwnHost;
  return seen(context, identity, id, named);
}

/** A device that this user does not see is one that does not exist, in every respect. */
async function seen(
  { rights }: Pick<AuthorizeContext, 'rights'>,
  identity: Identity,
  label: string,
  named: NamedDevice | null,
): Promise<Authorized | Refusal> {
  const access = named && (await rights.deviceAccess(identity, named));
  return named && access ? { identity, label, named, access } : refusals.unknownDevice(label);
}
