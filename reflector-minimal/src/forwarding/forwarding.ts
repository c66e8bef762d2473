import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { decodeBasic } from 'rm-protocol';
import { claimedName } from '../authentication/user-authentication.ts';
import type { StoreCache } from '../cache/store-cache.ts';
import { namedDevice } from '../devices/named-device.ts';
import { isBrowser, isNavigation } from '../http/browser.ts';
import { responseOn } from '../http/detached-response.ts';
import type { Origin } from '../http/origin.ts';
import { type Refusal, sendRefusal } from '../http/refusal.ts';
import { beginDeviceLogIn, type DeviceHost } from '../isolation/device-log-in.ts';
import { type Eventual, whenKnown } from '../ports/eventual.ts';
import type { Identity } from '../ports/identity.ts';
import type { OnlineDevice, Presence } from '../ports/presence.ts';
import type { DeviceAccess } from '../ports/rights.ts';
import type { PortUser } from '../ports/routes.ts';
import { refusals } from '../refusals/catalogue.ts';
import type { ConcurrencyLimit } from '../throttling/concurrency-limit.ts';
import {
  type AuthorizeContext,
  type Authorized,
  authorize,
  authorizeConnect,
  authorizeNamed,
} from './authorize.ts';
import { type Identified, type IdentifyContext, identify, identifyByProxyHeader } from './identify.ts';
import { KnownConnections } from './known-connections.ts';
import { type Located, locate } from './locate.ts';
import { ClientEndpoint, type PageSocket } from './tcp/client-endpoint.ts';
import { ConnectEndpoint } from './tcp/connect-endpoint.ts';
import type { TcpContext, TcpTarget } from './tcp/target.ts';
import { type UnderWay, type WebContext, WebForwarding, type WebTarget } from './web/web-forwarding.ts';

export interface ForwardingContext extends IdentifyContext, AuthorizeContext, WebContext, TcpContext {
  readonly presence: Pick<Presence, 'locate'>;
  readonly cache: Pick<StoreCache, 'device' | 'user'>;
  /** Told of connections on which a user has authenticated. */
  readonly unauthenticated: { authenticated(socket: Duplex): void };
  readonly userConcurrency: ConcurrencyLimit;
  /** The same for each user and device. */
  readonly deviceConcurrency: ConcurrencyLimit;
}

/** What a user sends to a device. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly origin: Origin;
  /** Closes when the request is over. */
  readonly lasting: ServerResponse | Duplex;
  /** Names in the audit log: until the device is located, and from then on. */
  readonly events: readonly [deciding: string, forwarding: string];
  /** The user name in its credentials. */
  readonly claimed: () => string | undefined;
  /** The device that its host names; `null`: the host names none. */
  readonly label: string | null;
}

/** What a page asks for whose user was proven before. */
export interface PageRequest extends ProvenRequest, PageSocket {}

/** The same for a route that stays between the page and the device. */
export interface ProvenRequest extends Pick<PageSocket, 'signal'> {
  readonly identity: Identity;
  /** The ID of the device. */
  readonly device: string;
  readonly port: number;
  /** Of the user. */
  readonly address: string;
  /** Under the WebSocket. */
  readonly connection: Duplex;
}

/** The stages in which kinds of arrival differ, in their order. Each gives what the next one needs, or why it refuses. */
interface Stages {
  identify(): Promise<Identified | Refusal>;
  authorize(known: Identified): Promise<Authorized | Refusal>;
  /** Keeps what the stages before have decided, for the next request on the connection. `began`: when they began. */
  keep?(located: Located, since: number, began: number): void;
  /** `since`: `RevocationWatcher.revision` from before the first stage. */
  forward(located: Located, since: number): Eventual<Refusal | null>;
  /** `domain`: of the device, once its user may see it. */
  refuse(refusal: Refusal, domain: string | null): void;
}

/**
 * The life of a request to a device. Each kind passes the same stages:
 *
 *   identify    who asks
 *   authorize   whether they may: where the request comes from, and whether its user sees the device
 *   locate      the tunnel of the device, and the port
 *   forward     the bytes, if the user does not have too much in progress already
 *
 * The order is security: strangers learn nothing about devices, and users nothing about devices that they do not see.
 * `order.integration.test.ts` tests it. Every refusal is in the audit log.
 */
export class Forwarding {
  readonly #context: ForwardingContext;
  readonly #web: WebForwarding;
  readonly #clients: ClientEndpoint;
  readonly #connects: ConnectEndpoint;
  readonly #known: KnownConnections;

  constructor(context: ForwardingContext) {
    this.#context = context;
    this.#web = new WebForwarding(context);
    this.#clients = new ClientEndpoint(context);
    this.#connects = new ConnectEndpoint(context);
    this.#known = new KnownConnections(context);
  }

  /** A request to the web interface of a device. Returns the request in progress, if it was forwarded. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    origin: Origin,
    host: DeviceHost,
  ): Eventual<UnderWay | null> {
    let underWay: UnderWay | null = null;
    const arrival = arrivalAt(host, request, origin, response, 'request');
    const stages: Stages = {
      identify: () => identify(this.#context, request, host, origin),
      authorize: (known) => authorize(this.#context, request, host, origin, known),
      keep: (located, since, began) => this.#known.keep(request, host, origin, located, { since, began }),
      forward: (located, since) => {
        const shared = host.kind === 'shared';
        const begun = this.#web.request(request, response, origin, webTarget(located, since, shared));
        return whenKnown(begun, (known) => {
          if (known && 'status' in known) return known;
          underWay = known;
          return null;
        });
      },
      refuse: (refusal, domain) => {
        if (refusal !== refusals.logIn) sendRefusal(request, response, refusal, { domain });
        else if (isNavigation(request)) beginDeviceLogIn(this.#context, request, response, origin, host);
        else sendRefusal(request, response, isBrowser(request) ? refusals.logInAgain : refusal);
      },
    };
    const known = this.#known.recall(request, host, origin);
    const located = known && locate(this.#context, known.authorized);
    const passed =
      known && located && !('status' in located)
        ? this.#enter(arrival, stages, located, known.since)
        : this.#pass(arrival, stages);
    return whenKnown(passed, () => underWay);
  }

  /** A WebSocket of the web interface of a device. `head`: what the user has sent behind the request, here and below. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    origin: Origin,
    host: DeviceHost,
  ): Promise<void> {
    return this.#pass(arrivalAt(host, request, origin, socket, 'upgrade'), {
      ...this.#atHost(request, host, origin),
      forward: (located, since) => {
        const shared = host.kind === 'shared';
        return this.#web.upgrade(request, socket, head, origin, webTarget(located, since, shared));
      },
      refuse: (refusal, domain) => this.#refuseOn(request, socket, refusal, domain),
    });
  }

  /** A client tunnel (`webtunnel.md` section 4): a TCP connection to a port of a device, for a program. */
  clientTunnel(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    origin: Origin,
    host: DeviceHost,
  ): Promise<void> {
    const { address } = origin;
    return this.#pass(arrivalAt(host, request, origin, socket, 'client-tunnel'), {
      ...this.#atHost(request, host, origin),
      forward: async (located, since) => {
        // Any page can make a browser send a cookie.
        if (located.identity.session?.kind === 'device') return refusals.forPrograms;
        await this.#clients.upgrade(request, socket, head, { ...located, since, address });
        return null;
      },
      refuse: (refusal, domain) => this.#refuseOn(request, socket, refusal, domain),
    });
  }

  /** `CONNECT HOST:PORT`: the same without a WebSocket, for a program that speaks to a proxy. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer, origin: Origin): Promise<void> {
    const { address } = origin;
    return this.#pass(connectArrival(request, origin, socket), {
      identify: () => identifyByProxyHeader(this.#context, request, origin),
      authorize: (known) => authorizeConnect(this.#context, request, known),
      forward: async (located, since) => {
        await this.#connects.connect(request, socket, head, { ...located, since, address });
        return null;
      },
      refuse: (refusal, domain) => this.#refuseOn(request, socket, refusal, domain),
    });
  }

  /**
   * A TCP connection to a port of a device for a page whose user was proven before, such as by a ticket. Resolves with `null`
   * when it is over, or with why there is none.
   */
  page({ take, ...request }: PageRequest): Promise<Refusal | null> {
    const { signal, port } = request;
    return this.#forProven(request, (target) => this.#clients.page({ signal, take }, target, port));
  }

  /** The same for a route that reads and writes the bytes itself. */
  dial(request: ProvenRequest, user: PortUser): Promise<Refusal | null> {
    const { signal, port } = request;
    return this.#forProven(request, (target) => this.#clients.dial(signal, user, target, port));
  }

  async #forProven(
    { identity: proven, device: id, port, address, connection }: ProvenRequest,
    carry: (target: TcpTarget) => Promise<Refusal | null>,
  ): Promise<Refusal | null> {
    const { cache, audit, unauthenticated } = this.#context;
    const refused = (refusal: Refusal) => {
      audit.count({
        event: 'client-tunnel',
        allowed: false,
        user: proven.user.name,
        by: proven.by,
        address,
        device: id,
        port,
        reason: refusal.error,
      });
      return refusal;
    };
    // Anything may have changed since the user was proven.
    const since = Number.NEGATIVE_INFINITY;
    const user = await cache.user(proven.user.name);
    const { uid, password } = proven.user;
    if (user?.uid !== uid || user.password !== password) return refused(refusals.logIn);
    const identity = { ...proven, user };
    const named = await namedDevice(cache, id);
    // The port is not part of the name here.
    const authorized = await authorizeNamed(this.#context, identity, id, named?.port === null ? named : null);
    if ('status' in authorized) return refused(authorized);
    const located = locate(this.#context, authorized);
    if ('status' in located) return refused(located);
    unauthenticated.authenticated(connection);
    const counted = this.#count(identity.user.name, located.device.id);
    if ('status' in counted) return refused(counted);
    try {
      return await carry({ ...located, since, address });
    } finally {
      counted.end();
    }
  }

  /** Ends what has no end of its own: client tunnels, with this close code, and connections by CONNECT. */
  stop(closeCode: number): void {
    this.#clients.closeAll(closeCode);
    this.#connects.closeAll();
  }

  /** The first stages of what a user sends to the host of a device. */
  #atHost(
    request: IncomingMessage,
    host: DeviceHost,
    origin: Origin,
  ): Pick<Stages, 'identify' | 'authorize'> {
    return {
      identify: () => identify(this.#context, request, host, origin),
      authorize: (known) => authorize(this.#context, request, host, origin, known),
    };
  }

  async #pass(arrival: Arrival, stages: Stages): Promise<void> {
    const since = this.#context.revocation.revision;
    const began = this.#context.clock.now();
    const [deciding] = arrival.events;

    const identified = await stages.identify();
    if ('status' in identified) return this.#refuse(arrival, stages, deciding, identified, arrival);

    const authorized = await stages.authorize(identified);
    if ('status' in authorized) return this.#refuse(arrival, stages, deciding, authorized, identified);

    const located = locate(this.#context, authorized);
    if ('status' in located) return this.#refuse(arrival, stages, deciding, located, authorized);

    if (arrival.lasting.destroyed) return;
    stages.keep?.(located, since, began);
    await this.#enter(arrival, stages, located, since);
  }

  /** The last stage. */
  #enter(arrival: Arrival, stages: Stages, located: Located, since: number): Eventual<void> {
    const [, forwarding] = arrival.events;
    const refusal = this.#countIn(arrival, located) ?? stages.forward(located, since);
    return whenKnown(refusal, (known) =>
      known ? this.#refuse(arrival, stages, forwarding, known, located) : undefined,
    );
  }

  async #refuse(
    { request, origin, lasting, claimed }: Arrival,
    stages: Stages,
    event: string,
    refusal: Refusal,
    known: {
      readonly identity?: Identity;
      readonly label: string | null;
      readonly named?: { readonly id: string; readonly domain: string };
      readonly access?: DeviceAccess;
    },
  ): Promise<void> {
    this.#known.forget(request.socket);
    const { identity, label, named, access } = known;
    // CONNECT without credentials is no event: programs send them when asked.
    const asks = request.method === 'CONNECT' && request.headers['proxy-authorization'] === undefined;
    if (!asks) {
      this.#context.audit.count({
        event,
        allowed: false,
        user: identity?.user.name ?? claimed(),
        by: identity?.by,
        address: origin.address,
        device: (named ?? (label === null ? null : await namedDevice(this.#context.cache, label)))?.id,
        reason: refusal.error,
      });
    }
    if (!lasting.destroyed) stages.refuse(refusal, access && named ? named.domain : null);
  }

  /** Counts the request, or refuses it if the user has too many in progress: in all, or with this device. */
  #countIn(
    { request, lasting }: Arrival,
    { identity, device }: { identity: Identity; device: OnlineDevice },
  ) {
    this.#context.unauthenticated.authenticated(request.socket);
    const counted = this.#count(identity.user.name, device.id);
    if ('status' in counted) return counted;
    lasting.once('close', counted.end);
    return null;
  }

  /** `end`: it is over. To be called once. */
  #count(user: string, device: string): { readonly end: () => void } | Refusal {
    const { userConcurrency, deviceConcurrency } = this.#context;
    const end = userConcurrency.begin(user);
    if (!end) return refusals.tooMuchUnderWay;
    // An ID has no blanks.
    const endAtDevice = deviceConcurrency.begin(`${device} ${user}`);
    if (!endAtDevice) {
      end();
      return refusals.tooMuchAtDevice;
    }
    return {
      end() {
        end();
        endAtDevice();
      },
    };
  }

  #refuseOn(request: IncomingMessage, socket: Duplex, refusal: Refusal, domain: string | null): void {
    sendRefusal(request, responseOn(request, socket, this.#context), refusal, { domain });
  }
}

/** Without `...`, as `locate`. */
function webTarget(
  { identity, device, named, access, port }: Located,
  since: number,
  shared: boolean,
): WebTarget {
  return { identity, device, named, access, port, since, shared };
}

function arrivalAt(
  host: DeviceHost,
  request: IncomingMessage,
  origin: Origin,
  lasting: ServerResponse | Duplex,
  event: string,
): Arrival {
  const deciding = request.headers.upgrade === undefined ? 'request' : 'upgrade';
  const label = host.kind === 'device' ? host.label : null;
  return { request, origin, lasting, events: [deciding, event], claimed: () => claimedName(request), label };
}

function connectArrival(request: IncomingMessage, origin: Origin, socket: Duplex): Arrival {
  const event = 'client-tunnel';
  const claimed = () => decodeBasic(request.headers['proxy-authorization'] ?? '')?.user;
  return { request, origin, lasting: socket, events: [event, event], claimed, label: null };
}
