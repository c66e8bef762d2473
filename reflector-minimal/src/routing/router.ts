import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CLIENT_PROTOCOL, SERVER_PROTOCOL } from 'rm-protocol';
import type { Context } from '../context.ts';
import type { DeviceEndpoint } from '../devices/device-endpoint.ts';
import { type Admitted, admit } from '../forwarding/admission.ts';
import { admitConnect } from '../forwarding/connect-admission.ts';
import { ClientEndpoint } from '../forwarding/tcp/client-endpoint.ts';
import { ConnectEndpoint } from '../forwarding/tcp/connect-endpoint.ts';
import { DeviceRelay } from '../forwarding/web/device-relay.ts';
import type { DeviceRequest } from '../forwarding/web/device-request.ts';
import { isBrowser, isNavigation } from '../http/browser.ts';
import { responseOn } from '../http/detached-response.ts';
import type { RequestHandler } from '../http/guard.ts';
import { destinationOf } from '../http/host-names.ts';
import type { Origin } from '../http/origin.ts';
import { type Refusal, sendRefusal } from '../http/refusal.ts';
import { answerReserved, beginDeviceLogIn, isReserved } from '../isolation/device-log-in.ts';
import { isHealthCheck, serveHealth } from '../pages/health.ts';
import { serveOwnHost } from '../pages/own-pages.ts';
import type { OnlineDevice } from '../ports/presence.ts';
import { refusals } from '../refusals/catalogue.ts';
import { credentialOf, type Identity } from '../users/identity.ts';
import { lostUpgrade } from './lost-upgrade.ts';

/** Takes every request and upgrade, and decides by `Host`, subprotocol and credentials who answers it. */
export class Router implements RequestHandler {
  readonly #context: Context;
  readonly #deviceEndpoint: DeviceEndpoint;
  readonly #clients: ClientEndpoint;
  readonly #connects: ConnectEndpoint;
  readonly #relay: DeviceRelay;
  /** Responses under way; the request behind those that come from a device. */
  readonly #responses = new Map<ServerResponse, DeviceRequest | null>();
  #stopping = false;
  #whenIdle: (() => void) | null = null;

  constructor(context: Context, deviceEndpoint: DeviceEndpoint) {
    this.#context = context;
    this.#deviceEndpoint = deviceEndpoint;
    this.#clients = new ClientEndpoint(context);
    this.#connects = new ConnectEndpoint(context);
    this.#relay = new DeviceRelay(context);
  }

  /**
   * From now on everything new is refused; client tunnels end with this close code, and streams of events, which have
   * no end of their own. Resolves when no response is under way any more.
   */
  stop(closeCode: number): Promise<void> {
    this.#stopping = true;
    this.#clients.closeAll(closeCode);
    this.#connects.closeAll();
    for (const [response, relay] of this.#responses) if (relay?.endless) response.destroy();
    return new Promise((resolve) => {
      if (this.#responses.size === 0) resolve();
      else this.#whenIdle = resolve;
    });
  }

  /** Answers one request that the guard has let through. Rejects only when the request itself breaks off. */
  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (refusal: Refusal) => sendRefusal(request, response, refusal);
    this.#track(request, response);
    if (this.#stopping) {
      response.shouldKeepAlive = false;
      return refuse(refusals.stopping);
    }
    const lost = lostUpgrade(request);
    if (lost) return refuse(lost);
    const origin = this.#context.proxies.originOf(request);
    if (isHealthCheck(request) && origin.authority === '') {
      return serveHealth(this.#context, response);
    }
    const destination = destinationOf(origin.authority, this.#context);
    if (destination.kind === 'unknown') return refuse(refusals.unknownHost);
    if (destination.kind === 'reflector') return serveOwnHost(this.#context, request, response, origin);
    if (isReserved(request)) {
      const refusal = answerReserved(this.#context, request, response, origin, destination);
      return refusal ? refuse(refusal) : undefined;
    }
    const admitted = await admit(this.#context, request, destination, origin);
    if (response.destroyed) return;
    if ('refusal' in admitted) {
      if (admitted.refusal !== refusals.logIn) return refuse(admitted.refusal);
      if (!isNavigation(request)) return refuse(isBrowser(request) ? refusals.logInAgain : refusals.logIn);
      return beginDeviceLogIn(this.#context, request, response, origin, destination);
    }
    const tooMuch = this.#begin(admitted.identity, admitted.target.device, request, response);
    if (tooMuch) return refuse(this.#recorded('request', admitted, origin, tooMuch));
    const relay = this.#relay.request(request, response, origin, admitted);
    if ('status' in relay) return refuse(this.#recorded('request', admitted, origin, relay));
    this.#responses.set(response, relay);
  }

  /** Answers one request that asks for an upgrade to WebSocket. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const refuse = (refusal: Refusal) => {
      if (!socket.destroyed) sendRefusal(request, responseOn(request, socket, this.#context), refusal);
    };
    if (this.#stopping) return refuse(refusals.stopping);
    const protocol = String(request.headers['sec-websocket-protocol'] ?? '').trim();
    const origin = this.#context.proxies.originOf(request);
    const destination = destinationOf(origin.authority, this.#context);
    // An agent may know the reflector by any name; its credentials decide.
    if (protocol === SERVER_PROTOCOL && destination.kind !== 'device') {
      return this.#deviceEndpoint.upgrade(request, socket, head, origin.address);
    }
    if (destination.kind === 'unknown' || destination.kind === 'reflector')
      return refuse(refusals.unknownHost);
    if (isReserved(request)) return refuse(refusals.nothingHere);
    const admitted = await admit(this.#context, request, destination, origin);
    if ('refusal' in admitted) return refuse(admitted.refusal);
    if (socket.destroyed) return;
    const event = protocol === CLIENT_PROTOCOL ? 'client-tunnel' : 'upgrade';
    const tooMuch = this.#begin(admitted.identity, admitted.target.device, request, socket);
    if (tooMuch) return refuse(this.#recorded(event, admitted, origin, tooMuch));
    if (protocol === CLIENT_PROTOCOL) {
      const { identity, target, since } = admitted;
      // A browser adds a cookie by itself, whoever asks it to.
      if (identity.session?.kind === 'device') {
        return refuse(this.#recorded(event, admitted, origin, refusals.forPrograms));
      }
      return this.#clients.upgrade(request, socket, head, { identity, device: target.device, since });
    }
    const refusal = this.#relay.upgrade(request, socket, head, origin, admitted);
    if (refusal) refuse(this.#recorded('upgrade', admitted, origin, refusal));
  }

  /** Answers one CONNECT. */
  async connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { proxies } = this.#context;
    const refuse = (refusal: Refusal) => {
      if (!socket.destroyed) sendRefusal(request, responseOn(request, socket, this.#context), refusal);
    };
    if (this.#stopping) return refuse(refusals.stopping);
    const origin = proxies.originOf(request);
    const admitted = await admitConnect(this.#context, request, origin);
    if (socket.destroyed) return;
    if ('status' in admitted) return refuse(admitted);
    const tooMuch = this.#begin(admitted.identity, admitted.device, request, socket);
    if (tooMuch) {
      const target = { identity: admitted.identity, target: { device: admitted.device } };
      return refuse(this.#recorded('client-tunnel', target, origin, tooMuch));
    }
    this.#connects.connect(request, socket, head, admitted);
  }

  /** The refusal, once it is in the audit log. */
  #recorded(
    event: string,
    {
      identity,
      target,
    }: Pick<Admitted, 'identity'> & { readonly target: Pick<Admitted['target'], 'device'> },
    { address }: Origin,
    refusal: Refusal,
  ): Refusal {
    this.#context.audit.count({
      event,
      allowed: false,
      user: identity.user.name,
      by: credentialOf(identity),
      address,
      device: target.device.id,
      reason: refusal.error,
    });
    return refusal;
  }

  /** Why not, when this user has too much under way already: in all, or with this device. */
  #begin(
    { user }: Identity,
    { id }: Pick<OnlineDevice, 'id'>,
    { socket }: IncomingMessage,
    lasting: Duplex | ServerResponse,
  ): Refusal | null {
    const { userConcurrency, deviceConcurrency, unauthenticated } = this.#context;
    unauthenticated.authenticated(socket);
    const end = userConcurrency.begin(user.name);
    if (!end) return refusals.tooMuchUnderWay;
    const endAtDevice = deviceConcurrency.begin(JSON.stringify([user.name, id]));
    if (!endAtDevice) {
      end();
      return refusals.tooMuchAtDevice;
    }
    lasting.once('close', end).once('close', endAtDevice);
    return null;
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    this.#responses.set(response, null);
    response.once('finish', () => this.#discardRest(request));
    response.once('close', () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#whenIdle?.();
    });
  }

  /**
   * The answer has gone out, and the user may still be sending: to close now would reset the connection, and often lose
   * the answer. So the rest is read and dropped, for a time.
   */
  #discardRest(request: IncomingMessage): void {
    if (request.complete || request.destroyed) return;
    request.resume();
    const { clock, limits } = this.#context;
    const timer = clock.schedule(limits.discardMs, () => request.destroy());
    const { socket } = request;
    const done = () => {
      timer.cancel();
      socket.off('close', done);
    };
    request.once('end', done).once('close', done);
    // Node does not always close a request that has its answer; its connection ends in any case.
    socket.once('close', done);
  }
}
