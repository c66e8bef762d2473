import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  answerOffer,
  decodePropertyHeader,
  encodeTerms,
  LEGACY_FRAME_BYTES,
  type Offer,
  type Property,
  ProtocolError,
  SERVER_PROTOCOL,
  type Terms,
} from 'rm-protocol';
import type { StoreCache } from '../cache/store-cache.ts';
import { responseOn } from '../http/detached-response.ts';
import { fieldsOf, valuesOf } from '../http/headers.ts';
import { headerText } from '../http/refusal.ts';
import type { AdmitDevice } from '../ports/device-admission.ts';
import type { DeviceCredentials } from '../ports/store.ts';
import { Handshake } from '../websocket/handshake.ts';
import { claimedBy, type DeviceAuthentication } from './authentication.ts';
import type { ClientAuthorities } from './client-authorities.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { mergeProperties } from './connected-device.ts';
import { Connections, type ConnectionsOptions } from './connections.ts';
import { hiddenBy, takenLabel } from './hidden-device.ts';

export interface DeviceEndpointOptions extends ConnectionsOptions {
  readonly authentication: DeviceAuthentication;
  readonly clientAuthorities: ClientAuthorities;
  /** A device that is on line can be opened while the store is away. */
  readonly cache: Pick<StoreCache, 'readAhead'>;
  /** Told of connections whose other end has proven who it is. */
  readonly unauthenticated: { authenticated(socket: Duplex): void };
  readonly domain: string;
  readonly cookieHost: string | null;
  /** A further rule for devices that have proven who they are; `null`: none. */
  readonly admitDevice: AdmitDevice | null;
  /** Where devices are sent by 302 while this reflector drains or has no room. */
  readonly others: { next(): string | null };
  /** What agents get of what they offer. */
  readonly offer: Offer;
}

/** Less than the original's frames would only cost us time for each byte. */
const leastExtension = { maxFrame: LEGACY_FRAME_BYTES, window: LEGACY_FRAME_BYTES };

type Headers = Readonly<Record<string, readonly string[]>>;

/** Takes the upgrades of devices (`webtunnel.md` section 1). */
export class DeviceEndpoint {
  readonly #options: DeviceEndpointOptions;
  readonly #connections: Connections;
  readonly #handshake: Handshake;
  #warnedOfArrivals = Number.NEGATIVE_INFINITY;

  constructor(options: DeviceEndpointOptions) {
    this.#options = options;
    const { limits, log } = options;
    this.#connections = new Connections(options);
    const headerBytes = 16;
    this.#handshake = new Handshake({
      limits,
      messageBytes: Math.max(limits.maxFrame, limits.propertiesBytes) + headerBytes,
      failed: (error) => log.error({ err: error }, 'tunnel failed'),
    });
  }

  /** `address`: of the device. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): Promise<void> {
    const { authentication, presence, draining, revocation, cache, log, limits, clock } = this.#options;
    if (draining.active) return this.#refuseDrained(request, socket);
    const since = revocation.revision;
    const { authorization } = request.headers;
    const certificate = clientCertificateOf(request.socket, clock.date(), this.#options.clientAuthorities);
    const verdict = await authentication.authenticate({
      method: request.method ?? '',
      target: request.url ?? '',
      address,
      authorization,
      certificate,
    });
    // In the order in which devices prove who they are: the last one wins.
    const generation = 'device' in verdict ? await presence.nextGeneration() : 0;
    if (socket.destroyed) return;
    const refuse = (status: number, error: string, headers?: Headers) =>
      this.#refuse(request, socket, status, error, headers);
    if ('refusal' in verdict) {
      const { status, error, reason, challenges, askedSeconds } = verdict.refusal;
      if (askedSeconds !== undefined) {
        this.#warnOfArrivals();
        return refuse(status, error, { 'Retry-After': [String(askedSeconds)] });
      }
      // The first request of an agent that uses Digest carries nothing: that is no event.
      if (authorization !== undefined || certificate) {
        // Anybody can cause as many as they like: the audit log counts them.
        const claimed = claimedBy({ authorization, certificate });
        log.debug({ address, status, device: claimed, reason }, 'device refused');
        this.#recordRefusal(claimed, address, reason, verdict.known);
      }
      const later = status === 503 ? this.#later() : {};
      return refuse(status, error, { 'WWW-Authenticate': challenges, ...later });
    }
    const { device } = verdict;
    const refuseProven = (status: number, error: string, headers?: Headers) => {
      this.#recordRefusal(device.id, address, error, device);
      refuse(status, error, headers);
    };
    const hidden = hiddenBy(device.id, takenLabel(this.#options));
    if (hidden !== null) {
      const reason = `the host name of this device is ${hidden}: nobody could reach it`;
      log.warn({ address, device: device.id, cookieHost: this.#options.cookieHost }, reason);
      return refuseProven(403, reason);
    }
    if (this.#connections.isFullFor(device)) {
      if (this.#redirect(request, socket)) return;
      log.warn({ address, device: device.id, tunnels: limits.tunnels }, 'no room for another device');
      return refuseProven(503, 'no room for another device', this.#later());
    }
    let properties: Readonly<Record<string, string>> | null;
    let terms: Terms;
    try {
      properties = mergeProperties({}, readProperties(request), limits.propertiesBytes);
      terms = answerOffer(this.#options.offer, fieldsOf(request.rawHeaders), leastExtension);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return refuseProven(400, error.message);
    }
    if (!properties) return refuseProven(400, 'too many properties');
    const [keepAlive, ...extension] = encodeTerms(terms);
    const headers = [
      ['Sec-WebSocket-Protocol', SERVER_PROTOCOL],
      keepAlive,
      // For devices without a clock.
      ['Date', new Date(clock.date()).toUTCString()],
      ...extension,
    ] as const;
    const agent = headerText(request.headers['user-agent'] ?? '').slice(0, 200);
    const { admitDevice } = this.#options;
    if (admitDevice) {
      const turnedAway = await admitDevice({ device, address, agent, properties });
      if (socket.destroyed) return;
      if (turnedAway) {
        const { status, error, retryAfterSeconds } = turnedAway;
        const seconds = retryAfterSeconds ?? null;
        return refuseProven(status, error, seconds === null ? {} : { 'Retry-After': [String(seconds)] });
      }
    }
    if (draining.active) return this.#refuseDrained(request, socket);
    this.#options.unauthenticated.authenticated(socket);
    this.#handshake.complete(request, socket, head, headers, (webSocket, boundary) => {
      // The tunnel notices by itself that the device has gone; the keep-alive of TCP would wake the device up.
      request.socket.setKeepAlive(false);
      cache.readAhead(device.id);
      this.#connections.add({
        device: verdict,
        webSocket,
        boundary,
        socket,
        generation,
        address,
        agent,
        properties,
        terms,
        visitorKey: visitorKeyOf(request),
        since,
      });
    });
  }

  /** Adds what the devices have sent and received since the last time to their counters in the store. */
  saveTraffic(): void {
    this.#connections.saveAllTraffic();
  }

  /** `claimed`: the id that was given; `known`: the record of that device. */
  #recordRefusal(
    claimed: string | undefined,
    address: string,
    reason: string,
    known: DeviceCredentials | null,
  ): void {
    const { audit, clock, deferred, limits, store } = this.#options;
    audit.count({ event: 'device-tunnel', allowed: false, device: claimed, address, reason });
    const now = clock.date();
    // Guesses must not keep the disk busy.
    if (known && (known.refused === null || Math.abs(now - known.refused) >= limits.refusalNotedMs)) {
      deferred.write(`refused ${known.uid}`, () =>
        store.devices.noteRefused(known, now, { reason, address }),
      );
    }
  }

  #refuse(
    request: IncomingMessage,
    socket: Duplex,
    status: number,
    error: string,
    headers: Headers = {},
  ): void {
    const response = responseOn(request, socket, this.#options);
    for (const [name, values] of Object.entries(headers)) response.setHeader(name, values);
    response.setHeader('X-PTTH-Error', headerText(error));
    response.setHeader('Content-Length', 0);
    response.writeHead(status);
    response.end();
  }

  /** To another reflector for this connection (`webtunnel.md` section 1); false if none is known. */
  #redirect(request: IncomingMessage, socket: Duplex): boolean {
    const url = this.#options.others.next();
    if (url === null) return false;
    const response = responseOn(request, socket, this.#options);
    response.setHeader('Location', url);
    response.setHeader('Content-Length', 0);
    response.writeHead(302);
    response.end();
    return true;
  }

  /** Neither the device's fault nor a decision about it. */
  #refuseDrained(request: IncomingMessage, socket: Duplex): void {
    if (this.#redirect(request, socket)) return;
    const { askedSeconds } = this.#options.draining;
    this.#refuse(request, socket, 503, 'this reflector drains: dial again', {
      'Retry-After': [String(askedSeconds)],
    });
  }

  /** For what will not be better in a moment. */
  #later(): Headers {
    return { 'Retry-After': [String(Math.ceil(this.#options.limits.arrivalsAskedMs / 10_000))] };
  }

  /** A fleet that comes back is one event, not one for each device. */
  #warnOfArrivals(): void {
    const { clock, log, limits } = this.#options;
    if (clock.now() - this.#warnedOfArrivals < limits.arrivalsAskedMs) return;
    this.#warnedOfArrivals = clock.now();
    log.warn('more devices come than are let in at once: they are asked to come again later');
  }
}

/** 32 bytes in base64url (RFC 4648 section 5); anything else counts as absent. */
function visitorKeyOf(request: IncomingMessage): string | undefined {
  const [key = '', ...more] = valuesOf(request.rawHeaders, 'x-rm-visitor-key');
  return more.length === 0 && /^[\w-]{43}$/.test(key) ? key : undefined;
}

function readProperties(request: IncomingMessage): Property[] {
  return valuesOf(request.rawHeaders, 'x-ptth-set-property').map((value) =>
    // node:http reads heads as ISO 8859-1; the agent sends UTF-8.
    decodePropertyHeader(Buffer.from(value, 'latin1').toString('utf8')),
  );
}
