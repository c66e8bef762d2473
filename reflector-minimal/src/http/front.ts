import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CLIENT_PROTOCOL, SERVER_PROTOCOL } from 'rm-agent/protocol';
import { deviceList, deviceListPath } from '../admin/device-list.ts';
import { landingPage } from '../admin/landing.ts';
import { ClientEndpoint } from '../client/client-endpoint.ts';
import { serveToken, tokenPath } from '../client/token-endpoint.ts';
import type { Context } from '../context.ts';
import type { ConnectedDevice } from '../devices/connected-device.ts';
import type { DeviceEndpoint } from '../devices/device-endpoint.ts';
import { normalizeDeviceId } from '../devices/device-id.ts';
import type { UserRecord } from '../store/users.ts';
import { DeviceAgents } from './device-agent.ts';
import { DeviceRequest } from './device-request.ts';
import { relayUpgrade } from './device-upgrade.ts';
import { framingOf } from './headers.ts';
import { destinationOf } from './host-names.ts';
import { securityHeaders } from './html.ts';
import type { Origin } from './origin.ts';
import { type Refusal, refusals, responseOn, sendRefusal } from './refusal.ts';

/** A device that can be asked, and on which port. */
interface Target {
  readonly device: ConnectedDevice;
  /** `null`: the device forwards no web interface. */
  readonly port: number | null;
}

/** Takes every request and upgrade, and decides by `Host`, subprotocol and credentials who answers it. */
export class Front {
  readonly #context: Context;
  readonly #deviceEndpoint: DeviceEndpoint;
  readonly #clients: ClientEndpoint;
  readonly #agents = new WeakMap<ConnectedDevice, Map<number, DeviceAgents>>();
  /** Responses under way; the request behind those that come from a device. */
  readonly #responses = new Map<ServerResponse, DeviceRequest | null>();
  #stopping = false;
  #whenIdle: (() => void) | null = null;

  constructor(context: Context, deviceEndpoint: DeviceEndpoint) {
    this.#context = context;
    this.#deviceEndpoint = deviceEndpoint;
    this.#clients = new ClientEndpoint(context);
  }

  /**
   * From now on everything new is refused; client tunnels end with this close code, and streams of events, which have
   * no end of their own. Resolves when no response is under way any more.
   */
  stop(closeCode: number): Promise<void> {
    this.#stopping = true;
    this.#clients.closeAll(closeCode);
    for (const [response, relay] of this.#responses) if (relay?.endless) response.destroy();
    return new Promise((resolve) => {
      if (this.#responses.size === 0) resolve();
      else this.#whenIdle = resolve;
    });
  }

  /** Answers one request. Rejects only when the request itself breaks off. */
  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (refusal: Refusal) => sendRefusal(request, response, refusal);
    this.#responses.set(response, null);
    response.once('finish', () => this.#discardRest(request));
    response.once('close', () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#whenIdle?.();
    });
    if (this.#stopping) {
      response.shouldKeepAlive = false;
      return refuse(refusals.stopping);
    }
    const origin = this.#context.proxies.originOf(request);
    const destination = destinationOf(origin.authority, this.#context.domain);
    // In absolute form the target would name a second host (RFC 9112 section 3.2.2); browsers send it to proxies only.
    if (!isOriginForm(request)) return refuse(refusals.badRequest('The request target must start with /'));
    if (destination.kind === 'unknown') return refuse(refusals.unknownHost);
    if (destination.kind === 'reflector') return this.#ownHost(request, response, origin);
    const found = await this.#admit(request, destination.label);
    if (response.destroyed) return;
    if ('refusal' in found) return refuse(found.refusal);
    const { user, target } = found;
    if (target.port === null) return refuse(refusals.noWebInterface(target.device.id));
    this.#context.log.debug(
      {
        user: user.name,
        device: target.device.id,
        port: target.port,
        method: request.method,
        address: origin.address,
      },
      'request',
    );
    this.#grant(user, response, () => response.destroy());
    const { limits } = this.#context;
    const agents = this.#agentsOf(target.device, target.port);
    const relay = new DeviceRequest({ request, response, origin, agents, port: target.port, limits });
    this.#responses.set(response, relay);
    relay.start();
  }

  /** Answers one request that asks for an upgrade. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Between the event and the answer the peer may go away.
    socket.on('error', () => {});
    const refuse = (refusal: Refusal) => {
      if (!socket.destroyed) sendRefusal(request, responseOn(request, socket), refusal);
    };
    if (this.#stopping) return refuse(refusals.stopping);
    const protocol = String(request.headers['sec-websocket-protocol'] ?? '').trim();
    const origin = this.#context.proxies.originOf(request);
    const destination = destinationOf(origin.authority, this.#context.domain);
    if (!isOriginForm(request)) return refuse(refusals.badRequest('The request target must start with /'));
    // An agent may know the reflector by any name; its credentials decide.
    if (protocol === SERVER_PROTOCOL && destination.kind !== 'device') {
      return this.#deviceEndpoint.upgrade(request, socket, head);
    }
    if (destination.kind !== 'device') return refuse(refusals.unknownHost);
    const found = await this.#admit(request, destination.label);
    if ('refusal' in found) return refuse(found.refusal);
    if (socket.destroyed) return;
    const { user, target } = found;
    const { device, port } = target;
    if (protocol === CLIENT_PROTOCOL) return this.#clients.upgrade(request, socket, head, { user, device });
    if (port === null) return refuse(refusals.noWebInterface(device.id));
    if (framingOf(request.rawHeaders) !== 'none') {
      // node:http has stopped reading: the body would be taken for the new protocol.
      return refuse({ status: 501, error: 'An upgrade with a body is not supported' });
    }
    this.#grant(user, socket, () => socket.destroy());
    const { limits } = this.#context;
    relayUpgrade({ request, socket, head, origin, agents: this.#agentsOf(device, port), port, limits });
  }

  async #ownHost(request: IncomingMessage, response: ServerResponse, origin: Origin): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0];
    const context = this.#context;
    if (path === '/healthz') {
      context.store.check();
      return send(response, 200, 'application/json', '{"status":"ok"}\n');
    }
    if (path === tokenPath) return serveToken(context, request, response);
    const user = await context.users.authenticate(request.headers.authorization);
    if (response.destroyed) return;
    if (user === 'refused') return sendRefusal(request, response, refusals.logIn);
    if (user === 'busy') return sendRefusal(request, response, refusals.busy);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (path === deviceListPath && reads) {
      return send(response, 200, 'application/json', deviceList(context));
    }
    if (path !== '/' || !reads) {
      return sendRefusal(request, response, { status: 404, error: 'There is nothing here' });
    }
    send(response, 200, 'text/html; charset=utf-8', landingPage(context, origin, user.name));
  }

  /** First who asks, then what for: a stranger does not learn which devices there are. */
  async #admit(
    request: IncomingMessage,
    label: string,
  ): Promise<{ readonly refusal: Refusal } | { readonly user: UserRecord; readonly target: Target }> {
    const { users, log, proxies } = this.#context;
    const { authorization } = request.headers;
    const user = await users.authenticate(authorization);
    if (user === 'busy') return { refusal: refusals.busy };
    if (user === 'refused') {
      if (authorization !== undefined)
        log.warn({ address: proxies.originOf(request).address }, 'log-in refused');
      return { refusal: refusals.logIn };
    }
    const target = this.#find(label);
    return 'status' in target ? { refusal: target } : { user, target };
  }

  /** `<id>`, or `<id>-<port>` for another web interface of the device. */
  #find(label: string): Target | Refusal {
    const { store, devices } = this.#context;
    const exact = normalizeDeviceId(label);
    let id = exact !== null && store.devices.get(exact)?.claimed ? exact : null;
    let chosen: number | null = null;
    const split = /^(.+)-(\d{1,5})$/.exec(label);
    if (id === null && split?.[1] !== undefined) {
      const candidate = normalizeDeviceId(split[1]);
      if (candidate !== null && store.devices.get(candidate)?.claimed) {
        id = candidate;
        chosen = Number(split[2]);
      }
    }
    if (id === null) return refusals.unknownDevice(label);
    const device = devices.get(id);
    if (!device) return refusals.offline(id);
    if (chosen !== null && !device.services.ports.includes(chosen)) {
      return { status: 403, error: `The device does not forward port ${chosen}` };
    }
    return { device, port: chosen ?? device.services.httpPort };
  }

  #agentsOf(device: ConnectedDevice, port: number): DeviceAgents {
    let byPort = this.#agents.get(device);
    if (!byPort) {
      byPort = new Map();
      this.#agents.set(device, byPort);
    }
    let agents = byPort.get(port);
    if (!agents) {
      agents = new DeviceAgents(device.tunnel, port, this.#context.limits);
      byPort.set(port, agents);
    }
    return agents;
  }

  /**
   * The answer has gone out, and the user may still be sending: to close now would reset the connection, and often lose
   * the answer. So the rest is read and dropped, for a time.
   */
  #discardRest(request: IncomingMessage): void {
    if (request.complete || request.destroyed) return;
    request.resume();
    const timer = setTimeout(() => request.destroy(), this.#context.limits.discardMs);
    const done = () => clearTimeout(timer);
    request.once('end', done).once('close', done);
    // Node does not always close a request that has its answer; its connection ends in any case.
    request.socket.once('close', done);
  }

  /** What this user was let into ends when the account does. */
  #grant(user: UserRecord, lasting: Duplex | ServerResponse, end: () => void): void {
    const release = this.#context.access.add({ kind: 'user', name: user.name, secret: user.password, end });
    lasting.once('close', release);
  }
}

function isOriginForm(request: IncomingMessage): boolean {
  const target = request.url ?? '';
  return target.startsWith('/') || (target === '*' && request.method === 'OPTIONS');
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    ...securityHeaders,
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
