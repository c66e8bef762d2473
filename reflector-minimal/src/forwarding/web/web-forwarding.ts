import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import type { RevocationWatcher } from '../../access/revocation-watcher.ts';
import type { Holder } from '../../access/standing.ts';
import type { Audit, Traffic } from '../../audit/audit.ts';
import type { UserAuthentication } from '../../authentication/user-authentication.ts';
import { DevicePort } from '../../device-http/device-port.ts';
import type { ResponseHead } from '../../device-http/response-head.ts';
import { serviceSettingsOf } from '../../devices/service-settings.ts';
import { servicesOf } from '../../devices/services.ts';
import { breakOff, cutResponse } from '../../http/break-off.ts';
import { framingOf, valuesOf } from '../../http/headers.ts';
import type { Origin } from '../../http/origin.ts';
import type { Refusal } from '../../http/refusal.ts';
import { forDevice } from '../../isolation/device-credentials.ts';
import type { Limits } from '../../limits.ts';
import { type Eventual, whenKnown } from '../../ports/eventual.ts';
import type { Identity } from '../../ports/identity.ts';
import type { OnlineDevice } from '../../ports/presence.ts';
import type { ResponseCache } from '../../ports/response-cache.ts';
import type { DeviceAccess } from '../../ports/rights.ts';
import type { DeviceIdentity } from '../../ports/store.ts';
import { refusals } from '../../refusals/catalogue.ts';
import { refusalTo } from '../../refusals/of-denial.ts';
import { openedPort, portRefusal } from '../../rights/opened-port.ts';
import type { ByteBudget } from '../../streams/byte-budget.ts';
import { type DeviceSite, unknownPrivateAuthority } from './device-links.ts';
import { DeviceRequest } from './device-request.ts';
import { DeviceUpgrade } from './device-upgrade.ts';
import type { DeviceExchange } from './exchange.ts';
import { deviceRequestHead } from './request-head.ts';
import { SettingHints } from './setting-hints.ts';
import { sendStored } from './stored-response.ts';

export interface WebContext {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly revocation: RevocationWatcher<Holder>;
  readonly users: UserAuthentication;
  /** What is read ahead of all users whose devices stall. */
  readonly readAhead: ByteBudget;
  /** The domain whose labels are devices, in lower case. */
  readonly domain: string;
  /** `null`: no answer is kept. */
  readonly responseCache: ResponseCache | null;
}

/** Who was let in to which device. */
export interface WebTarget {
  readonly identity: Identity;
  readonly device: OnlineDevice;
  readonly named: Pick<DeviceIdentity, 'domain'>;
  readonly access: DeviceAccess;
  /** `null`: the device forwards no web interface. */
  readonly port: number | null;
  /** `RevocationWatcher.revision` from before they were let in. */
  readonly since: number;
  /** On the host that devices share. */
  readonly shared: boolean;
}

/**
 * Who asks, for a device that wants to know (`docs/reflector-devices.md`). A key of the API may do less than its user, so it does not
 * stand for them; and on a host that devices share, the pages of others could ask in their place.
 */
function visitorOf({ user, key }: Identity, { visitorKey }: OnlineDevice): string | null {
  return visitorKey === undefined || key !== undefined
    ? null
    : `${visitorKey} ${encodeURIComponent(user.name)}`;
}

/** A request in progress. */
export interface UnderWay {
  /** An event stream: it lasts until one side leaves. */
  readonly endless: boolean;
}

/** Carries requests and WebSockets to the web interface of a device, for as long as the user keeps access. */
export class WebForwarding {
  readonly #context: WebContext;
  readonly #ports = new WeakMap<OnlineDevice, Map<number, DevicePort>>();
  readonly #hints: SettingHints;

  constructor(context: WebContext) {
    this.#context = context;
    this.#hints = new SettingHints(context.log, context.limits);
  }

  /** Returns the request in progress, or a refusal; `null`: the user has gone away. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    origin: Origin,
    target: WebTarget,
  ): Eventual<UnderWay | Refusal | null> {
    let underWay: UnderWay | null = null;
    const { device } = target;
    const refusal = this.#begin('request', request, origin, target, response, (exchange) => {
      if (!response.destroyed) underWay = this.#answer(exchange, response, device);
    });
    return whenKnown(refusal, (known) => known ?? underWay);
  }

  /** By an answer that is kept, or by the device. */
  #answer(exchange: DeviceExchange, response: ServerResponse, device: OnlineDevice): UnderWay {
    const { request, origin, port, user } = exchange;
    const body = framingOf(request.rawHeaders);
    const head = deviceRequestHead(exchange, { body });
    // An answer to somebody by name is for nobody else, and the key is in no cache.
    const cache = exchange.visitor === null ? this.#context.responseCache : null;
    const cached =
      cache?.use({
        device,
        port,
        user,
        origin: `${origin.protocol}://${origin.authority}`,
        method: request.method ?? 'GET',
        target: request.url ?? '/',
        hasBody: body !== 'none',
        headers: request.rawHeaders,
        deviceHeaders: head,
      }) ?? null;
    if (cached) response.once('close', () => cached.closed());
    if (cached?.stored) {
      response.on('error', () => {});
      sendStored(exchange, response, cached.stored, cached.added);
      return { endless: false };
    }
    const parts = { response, head: cached ? [...head, ...cached.added] : head, cached };
    const relay = new DeviceRequest(exchange, parts);
    relay.start();
    return relay;
  }

  /** Returns a refusal if it is not forwarded. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    origin: Origin,
    target: WebTarget,
  ): Eventual<Refusal | null> {
    const { clock, readAhead } = this.#context;
    return this.#begin('upgrade', request, origin, target, socket, (exchange) => {
      if (!socket.destroyed) new DeviceUpgrade({ ...exchange, socket, head, clock, readAhead }).start();
    });
  }

  /** Begins the exchange if the user would still be let in; from then on it is in the audit log, and ends with access. */
  #begin(
    event: string,
    request: IncomingMessage,
    origin: Origin,
    { identity, device, named, access, port, since, shared }: WebTarget,
    lasting: Duplex | ServerResponse,
    begin: (exchange: DeviceExchange) => void,
  ): Eventual<Refusal | null> {
    if (port === null) return refusals.noWebInterface(device.id);
    const opened = openedPort(device, port);
    const notGranted = portRefusal(access, opened);
    if (notGranted) return notGranted;
    // On a shared host, a browser would send the next device the credentials that this one has asked for.
    const isOurs = (token: string) => this.#context.users.isOurs(token, origin);
    const theirs = shared ? null : forDevice(isOurs, request, identity);
    const holder = { kind: 'user', identity, device, opened } as const;
    return whenKnown(theirs, (authorization) => {
      const admitted = this.#context.revocation.admit(holder, since, (now) => {
        if (lasting.destroyed) return;
        const traffic = this.#audit(event, origin, identity, device, port, lasting);
        this.#endWithAccess(holder, now, lasting);
        const site = this.#site(device, port, origin, shared);
        begin({
          request,
          origin,
          devicePort: this.#portOf(device, port),
          port,
          ownedBy: named.domain,
          settings: serviceSettingsOf(device, port),
          answered: (head) => this.#answered(site, device, request, head),
          site,
          user: identity.user.uid,
          authorization,
          visitor: shared ? null : visitorOf(identity, device),
          shared,
          traffic,
          limits: this.#context.limits,
          failed: (error) => this.#failed(error, device, port),
        });
      });
      return whenKnown(admitted, (is) => (is ? null : refusalTo(request, { denied: 'refused' })));
    });
  }

  #portOf(device: OnlineDevice, port: number): DevicePort {
    let byPort = this.#ports.get(device);
    if (!byPort) {
      byPort = new Map();
      this.#ports.set(device, byPort);
    }
    let devicePort = byPort.get(port);
    if (!devicePort) {
      devicePort = new DevicePort(device, port, this.#context.limits, this.#context.clock);
      byPort.set(port, devicePort);
    }
    return devicePort;
  }

  #failed(error: unknown, { id }: OnlineDevice, port: number): void {
    this.#context.log.error({ err: error, device: id, port }, 'exchange failed');
  }

  #answered(
    site: DeviceSite,
    device: OnlineDevice,
    request: IncomingMessage,
    { status, headers }: Pick<ResponseHead, 'status' | 'headers'>,
  ): void {
    const { port } = site;
    const settings = serviceSettingsOf(device, port);
    this.#hints.answered({ device: device.id, port, status, origin: request.headers.origin, settings });
    const [location] = valuesOf(headers, 'location');
    const authority = location === undefined ? null : unknownPrivateAuthority(site, location);
    if (authority !== null) this.#hints.ledTo({ device: device.id, port, authority });
  }

  #site(device: OnlineDevice, port: number, origin: Origin, shared: boolean): DeviceSite {
    const { ports, httpPort } = servicesOf(device);
    const settingsOf = (other: number) => serviceSettingsOf(device, other);
    const { domain } = this.#context;
    return { id: device.id, domain, port, ports, httpPort, settingsOf, origin, shared };
  }

  #audit(
    event: string,
    { address }: Origin,
    identity: Identity,
    device: OnlineDevice,
    port: number,
    lasting: Duplex | ServerResponse,
  ): Traffic {
    const traffic = { bytesFrom: 0, bytesTo: 0 };
    const by = identity.by;
    const record = { event, allowed: true, user: identity.user.name, by, address, device: device.id, port };
    const carried = this.#context.audit.count(record);
    lasting.once('close', () => carried(traffic));
    return traffic;
  }

  /** Ends it when the account or session ends, or the user no longer sees the device: perhaps at once. */
  #endWithAccess(holder: Holder, since: number, lasting: Duplex | ServerResponse): void {
    const end = () => (lasting instanceof ServerResponse ? cutResponse(lasting) : breakOff(lasting));
    const release = this.#context.revocation.add({ holder, since, end });
    lasting.once('close', release);
  }
}
