import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  answerOffer,
  type Cancellable,
  decodePropertyHeader,
  encodeTerms,
  LEGACY_FRAME_BYTES,
  type Property,
  ProtocolError,
  SERVER_PROTOCOL,
  type Terms,
} from 'rm-protocol';
import type { WebSocket } from 'ws';
import type { Boundary } from '../boundary.ts';
import type { Context } from '../context.ts';
import { responseOn } from '../http/detached-response.ts';
import { fieldsOf, valuesOf } from '../http/headers.ts';
import type { Linger } from '../http/linger.ts';
import { headerText } from '../http/refusal.ts';
import type { DeviceCredentials, DeviceKey } from '../ports/store.ts';
import { ByteBudget } from '../streams/byte-budget.ts';
import { DeviceTunnel } from '../tunnels/device-tunnel.ts';
import { Handshake } from '../websocket/handshake.ts';
import { claimedBy, type DeviceAuthentication, type DeviceVerdict } from './authentication.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { ConnectedDevice, mergeProperties } from './connected-device.ts';
import { DuplicateDetector } from './duplicates.ts';
import { hiddenBy, takenLabel } from './hidden-device.ts';

/** Less than the original's frames would only cost us time for each byte. */
const leastExtension = { maxFrame: LEGACY_FRAME_BYTES, window: LEGACY_FRAME_BYTES };

/** Takes the upgrades of devices (`webtunnel.md` section 1) and keeps presence and store in step with their tunnels. */
export class DeviceEndpoint {
  readonly #context: Context;
  readonly #authentication: DeviceAuthentication;
  readonly #handshake: Handshake;
  readonly #held: ByteBudget;
  readonly #duplicates = new DuplicateDetector();
  /** Shares of traffic that were counted. */
  #shares = 0;
  #toldOfArrivals = Number.NEGATIVE_INFINITY;

  constructor(context: Context, authentication: DeviceAuthentication) {
    this.#context = context;
    this.#authentication = authentication;
    const { limits, log } = context;
    this.#held = new ByteBudget(limits.heldBytes);
    const headerBytes = 16;
    const maxMessage = Math.max(limits.maxFrame, limits.propertiesBytes) + headerBytes;
    this.#handshake = new Handshake(limits, maxMessage, (error) =>
      log.error({ err: error }, 'tunnel failed'),
    );
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { presence, revocation, log, proxies, limits, clock } = this.#context;
    const since = revocation.revision;
    const { address } = proxies.originOf(request);
    const { authorization } = request.headers;
    const certificate = clientCertificateOf(request.socket, clock.date(), this.#context.clientAuthorities);
    const verdict = await this.#authentication.authenticate({
      method: request.method ?? '',
      target: request.url ?? '',
      address,
      authorization,
      certificate,
    });
    // In the order in which devices prove who they are: the last one wins.
    const generation = 'device' in verdict ? await presence.nextGeneration() : 0;
    if (socket.destroyed) return;
    const hidden = 'device' in verdict ? hiddenBy(verdict.device.id, takenLabel(this.#context)) : null;
    if ('device' in verdict && hidden !== null) {
      const { id } = verdict.device;
      const reason = `the host name of this device is ${hidden}: nobody could reach it`;
      log.warn({ address, device: id, cookieHost: this.#context.cookieHost }, reason);
      this.#recordRefusal(id, address, reason, verdict.device);
      refuse(request, socket, this.#context, 403, reason);
      return;
    }
    if ('device' in verdict && this.#isFullFor(verdict.device)) {
      log.warn({ address, device: verdict.device.id, tunnels: limits.tunnels }, 'no room for another device');
      this.#recordRefusal(verdict.device.id, address, 'no room for another device', verdict.device);
      refuse(request, socket, this.#context, 503, 'no room for another device', this.#later());
      return;
    }
    if ('refusal' in verdict) {
      const { status, error, reason, challenges, askedSeconds } = verdict.refusal;
      if (askedSeconds !== undefined) {
        this.#tellOfArrivals();
        refuse(request, socket, this.#context, status, error, { 'Retry-After': [String(askedSeconds)] });
        return;
      }
      // The first request of an agent that uses Digest carries nothing: that is no event.
      if (authorization !== undefined || certificate) {
        // Anybody can cause as many as they like: the audit log counts them.
        const claimed = claimedBy({ authorization, certificate });
        log.debug({ address, status, device: claimed, reason }, 'device refused');
        this.#recordRefusal(claimed, address, reason, verdict.known);
      }
      const later = status === 503 ? this.#later() : {};
      refuse(request, socket, this.#context, status, error, { 'WWW-Authenticate': challenges, ...later });
      return;
    }
    let properties: Readonly<Record<string, string>> | null;
    let terms: Terms;
    try {
      properties = mergeProperties({}, readProperties(request), limits.propertiesBytes);
      terms = answerOffer(this.#context.offer, fieldsOf(request.rawHeaders), leastExtension);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#recordRefusal(verdict.device.id, address, error.message, verdict.device);
      refuse(request, socket, this.#context, 400, error.message);
      return;
    }
    if (!properties) {
      this.#recordRefusal(verdict.device.id, address, 'too many properties', verdict.device);
      refuse(request, socket, this.#context, 400, 'too many properties');
      return;
    }
    const [keepAlive, ...extension] = encodeTerms(terms);
    const headers = [
      ['Sec-WebSocket-Protocol', SERVER_PROTOCOL],
      keepAlive,
      // For devices without a clock.
      ['Date', new Date(this.#context.clock.date()).toUTCString()],
      ...extension,
    ] as const;
    const agent = headerText(request.headers['user-agent'] ?? '').slice(0, 200);
    this.#context.unauthenticated.authenticated(socket);
    this.#handshake.complete(request, socket, head, headers, (webSocket, boundary) => {
      // The tunnel notices by itself who is gone; TCP would wake the device up for it.
      request.socket.setKeepAlive(false);
      const facts = { generation, address, agent, properties, terms, since };
      this.#attach(verdict, webSocket, boundary, socket, facts);
    });
  }

  /** `claimed`: the id that was given; `known`: the record of that device. */
  #recordRefusal(
    claimed: string | undefined,
    address: string,
    reason: string,
    known: DeviceCredentials | null,
  ): void {
    const { audit, clock, deferred, limits, store } = this.#context;
    audit.count({ event: 'device-tunnel', allowed: false, device: claimed, address, reason });
    const now = clock.date();
    // Whoever guesses must not keep the disk busy.
    if (known && (known.refused === null || Math.abs(now - known.refused) >= limits.refusalNotedMs)) {
      deferred.write(`refused ${known.uid}`, () =>
        store.devices.noteRefused(known, now, { reason, address }),
      );
    }
  }

  /** The new tunnel of a device that has one takes its place. */
  #isFullFor(device: DeviceKey): boolean {
    const { presence, limits } = this.#context;
    return presence.local.size >= limits.tunnels && presence.local.get(device.id)?.uid !== device.uid;
  }

  /** For what will not be better in a moment. */
  #later(): Readonly<Record<string, readonly string[]>> {
    return { 'Retry-After': [String(Math.ceil(this.#context.limits.arrivalsAskedMs / 10_000))] };
  }

  /** A fleet that comes back is one event, not one for each device. */
  #tellOfArrivals(): void {
    const { clock, log, limits } = this.#context;
    if (clock.now() - this.#toldOfArrivals < limits.arrivalsAskedMs) return;
    this.#toldOfArrivals = clock.now();
    log.warn('more devices come than are let in at once: they are asked to come again later');
  }

  #attach(
    { device: record, certificate }: Extract<DeviceVerdict, { device: unknown }>,
    webSocket: WebSocket,
    boundary: Boundary,
    socket: Duplex,
    facts: {
      readonly generation: number;
      readonly address: string;
      readonly agent: string;
      readonly properties: Readonly<Record<string, string>>;
      readonly terms: Terms;
      readonly since: number;
    },
  ): void {
    const { limits, store, deferred, presence, revocation, audit } = this.#context;
    const clock = boundary.clock(this.#context.clock);
    const { generation, address, agent, properties, terms, since } = facts;
    const { id } = record;
    const log = this.#context.log.child({ device: id, address });
    const decision = { event: 'device-tunnel', allowed: true, device: id, address };
    const opened = clock.now();
    let release = () => {};
    let saving: Cancellable | null = null;
    const saveProperties = () => {
      saving?.cancel();
      saving = null;
      if (presence.local.get(id) !== device) return;
      const { properties } = device;
      deferred.write(`properties ${record.uid}`, () => store.devices.setProperties(record, properties));
    };
    const tunnel = new DeviceTunnel({
      webSocket,
      socket,
      terms,
      limits,
      clock,
      held: this.#held,
      events: {
        properties: (changes) => {
          if (!device.update(changes)) log.warn('properties update beyond the bound');
          else saving ??= clock.schedule(limits.propertiesSaveMs, saveProperties);
        },
        carried: this.#context.carried,
        ended: (reason) => {
          release();
          if (saving) saveProperties();
          this.saveTraffic(device);
          // The end of a tunnel that was replaced says nothing about its successor.
          if (presence.withdraw(device)) {
            const now = clock.date();
            deferred.write(`disconnected ${record.uid}`, () => store.devices.noteDisconnected(record, now));
          }
          const { bytesFrom, bytesTo } = tunnel;
          const ms = Math.round(clock.now() - opened);
          audit.record({ ...decision, event: 'device-tunnel-end', reason, bytesFrom, bytesTo, ms });
          log.info({ reason, bytesFrom, bytesTo }, 'tunnel ended');
        },
        aliveThoughReplaced: () => this.#noteAlive(record, address),
        misbehaved: (what) => log.debug({ what }, 'device misbehaved'),
        failed: (error) => log.error({ err: error }, 'channel failed'),
      },
    });
    const device = new ConnectedDevice(record, generation, tunnel, address, properties, limits);
    audit.record(decision);
    log.info({ agent, ...terms }, 'tunnel open');
    let revoked = false;
    const end = (reason: string) => {
      revoked = true;
      tunnel.close(1008, reason);
    };
    release = revocation.add({ holder: { kind: 'device', device: record, certificate }, since, end });
    // What was removed while it came must not take the place of the device that has its id now.
    if (revoked) return;
    if (!presence.announce(device)) return;
    const now = clock.date();
    deferred.write(`connected ${record.uid}`, () =>
      store.devices.noteConnected(record, now, { address, agent, properties }),
    );
  }

  /** Adds what a device has sent and received since the last time to its counters in the store. */
  saveTraffic(device: ConnectedDevice): void {
    const { store, deferred } = this.#context;
    const { bytesFrom, bytesTo } = device.takeTraffic();
    if (bytesFrom + bytesTo === 0) return;
    // Each is a share of its own: none may take the place of one that waits.
    deferred.write(`traffic ${device.uid} ${this.#shares++}`, () =>
      store.devices.addTraffic(device, bytesFrom, bytesTo),
    );
  }

  #noteAlive(device: DeviceKey, address: string): void {
    const { clock, log, store, deferred } = this.#context;
    if (!this.#duplicates.alive(device.uid, clock.now())) return;
    const now = clock.date();
    deferred.write(`duplicate ${device.uid}`, () => store.devices.noteDuplicate(device, now));
    log.warn({ device: device.id, address }, 'two devices with this identity evict each other');
  }
}

function refuse(
  request: IncomingMessage,
  socket: Duplex,
  linger: Linger,
  status: number,
  error: string,
  headers: Readonly<Record<string, readonly string[]>> = {},
): void {
  const response = responseOn(request, socket, linger);
  for (const [name, values] of Object.entries(headers))
    if (values.length > 0) response.setHeader(name, values);
  response.setHeader('X-PTTH-Error', headerText(error));
  response.setHeader('Content-Length', 0);
  response.writeHead(status);
  response.end();
}

function readProperties(request: IncomingMessage): Property[] {
  return valuesOf(request.rawHeaders, 'x-ptth-set-property').map((value) =>
    // node:http reads heads as ISO 8859-1; the agent sends UTF-8.
    decodePropertyHeader(Buffer.from(value, 'latin1').toString('utf8')),
  );
}
