import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Denied } from '../authentication/log-in.ts';
import type { UserAuthentication } from '../authentication/user-authentication.ts';
import { credentialsOf } from '../http/credentials.ts';
import type { Origin } from '../http/origin.ts';
import type { Refusal } from '../http/refusal.ts';
import type { DeviceHost } from '../isolation/device-log-in.ts';
import { chosenDevice } from '../isolation/shared-host.ts';
import type { Identity } from '../ports/identity.ts';
import { refusals } from '../refusals/catalogue.ts';
import { refusalOf, refusalTo } from '../refusals/of-denial.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Who asks, and for which device. */
export interface Identified {
  readonly identity: Identity;
  /** The label of the domain that names the device; `null`: the next stage reads it from the target. */
  readonly label: string | null;
}

export interface IdentifyContext {
  readonly users: UserAuthentication;
  readonly sessions: Sessions;
  readonly log: Logger;
}

/** On the host of a device: by session, token or password. On the shared host: by the session, which names the device. */
export async function identify(
  { users, sessions, log }: IdentifyContext,
  request: IncomingMessage,
  host: DeviceHost,
  { protocol, address }: Origin,
): Promise<Identified | Refusal> {
  const secure = protocol === 'https';
  if (host.kind === 'shared') return (await chosenDevice(sessions, request, secure)) ?? refusals.logIn;
  const { label } = host;
  // Each port of a device is a host of its own, with a session of its own.
  const place = { kind: 'device', device: label } as const;
  const identity = await users.authenticate(request, { place, secure, address });
  if (!('denied' in identity)) return { identity, label };
  if (credentialsOf(request) !== null) log.debug({ address, reason: identity.denied }, 'log-in refused');
  return refusalTo(request, identity);
}

/** With CONNECT: by `Proxy-Authorization` and by nothing else, because a browser adds cookies by itself. */
export async function identifyByProxyHeader(
  { users }: Pick<IdentifyContext, 'users'>,
  request: IncomingMessage,
  { protocol, address }: Origin,
): Promise<Identified | Refusal> {
  const value = request.headers['proxy-authorization'];
  if (value === undefined) return refusals.proxyLogIn;
  const identity = await users.byHeader(value, request, { secure: protocol === 'https', address });
  return 'denied' in identity ? refusalByProxy(identity) : { identity, label: null };
}

/** A 401 in the words of a proxy. */
function refusalByProxy(denied: Denied): Refusal {
  if (denied.denied === 'refused') return refusals.proxyLogIn;
  const refusal = refusalOf(denied);
  if (refusal.status !== 401) return refusal;
  const headers = { 'Proxy-Authenticate': 'Bearer realm="Reflector"', 'X-Authenticate': 'TOTP' };
  return { ...refusal, status: 407, headers };
}
