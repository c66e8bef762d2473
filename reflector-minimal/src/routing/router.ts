import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { CLIENT_PROTOCOL, SERVER_PROTOCOL } from 'rm-protocol';
import type { Forwarding } from '../forwarding/forwarding.ts';
import { responseOn } from '../http/detached-response.ts';
import type { RequestHandler } from '../http/guard.ts';
import { destinationOf } from '../http/host-names.ts';
import type { Linger } from '../http/linger.ts';
import type { TrustedProxies } from '../http/origin.ts';
import { type Refusal, sendRefusal } from '../http/refusal.ts';
import { answerReserved, type DeviceLogInContext, isReserved } from '../isolation/device-log-in.ts';
import { refusals } from '../refusals/catalogue.ts';
import { lostUpgrade } from './lost-upgrade.ts';
import type { OwnRoutes } from './own-routes.ts';

export interface RouterContext extends DeviceLogInContext, Linger {
  readonly proxies: TrustedProxies;
}

/** Takes the upgrades of agents. `address`: of the device. */
export interface Agents {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, address: string): Promise<void>;
}

/** Takes every request and upgrade, and decides by `Host` and subprotocol who answers it. */
export class Router implements RequestHandler {
  readonly #context: RouterContext;
  readonly #agents: Agents;
  readonly #ownRoutes: OwnRoutes;
  readonly #forwarding: Forwarding;
  /** Responses in progress. */
  readonly #responses = new Map<ServerResponse, { readonly endless: boolean }>();
  #stopping = false;
  #whenIdle: (() => void) | null = null;

  constructor(context: RouterContext, agents: Agents, ownRoutes: OwnRoutes, forwarding: Forwarding) {
    this.#context = context;
    this.#agents = agents;
    this.#ownRoutes = ownRoutes;
    this.#forwarding = forwarding;
  }

  /**
   * Refuses everything new from now on, and ends client tunnels (with this close code) and event streams. Resolves when no
   * response is in progress.
   */
  stop(closeCode: number): Promise<void> {
    this.#stopping = true;
    this.#forwarding.stop(closeCode);
    this.#ownRoutes.stop(closeCode);
    for (const [response, { endless }] of this.#responses) if (endless) response.destroy();
    return new Promise((resolve) => {
      if (this.#responses.size === 0) resolve();
      else this.#whenIdle = resolve;
    });
  }

  answersWithoutHost(request: IncomingMessage): boolean {
    return this.#ownRoutes.answersWithoutHost(request);
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
    if (origin.authority === '' && this.#ownRoutes.answersWithoutHost(request)) {
      return this.#ownRoutes.serve(request, response, origin);
    }
    const destination = destinationOf(origin.authority, this.#context);
    if (destination.kind === 'unknown') return refuse(refusals.unknownHost);
    if (destination.kind === 'reflector') return this.#ownRoutes.serve(request, response, origin);
    if (destination.kind === 'apart') return this.#ownRoutes.serveApart(request, response, origin);
    if (isReserved(request)) {
      const refusal = await answerReserved(this.#context, request, response, origin, destination);
      return refusal ? refuse(refusal) : undefined;
    }
    const forwarded = await this.#forwarding.request(request, response, origin, destination);
    if (forwarded && this.#responses.has(response)) this.#responses.set(response, forwarded);
  }

  /** Answers one request that asks for an upgrade to WebSocket. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.#stopping) return this.#refuseOn(request, socket, refusals.stopping);
    const protocol = String(request.headers['sec-websocket-protocol'] ?? '').trim();
    const origin = this.#context.proxies.originOf(request);
    const destination = destinationOf(origin.authority, this.#context);
    // An agent may use any name for the reflector; its credentials decide.
    if (protocol === SERVER_PROTOCOL && destination.kind !== 'device') {
      return this.#agents.upgrade(request, socket, head, origin.address);
    }
    if (destination.kind === 'unknown') return this.#refuseOn(request, socket, refusals.unknownHost);
    if (destination.kind === 'reflector' || destination.kind === 'apart') {
      if (protocol === CLIENT_PROTOCOL) return this.#refuseOn(request, socket, refusals.unknownHost);
      if (destination.kind === 'apart') return this.#ownRoutes.upgradeApart(request, socket, head, origin);
      return this.#ownRoutes.upgrade(request, socket, head, origin);
    }
    if (isReserved(request)) return this.#refuseOn(request, socket, refusals.nothingHere);
    if (protocol === CLIENT_PROTOCOL) {
      return this.#forwarding.clientTunnel(request, socket, head, origin, destination);
    }
    return this.#forwarding.upgrade(request, socket, head, origin, destination);
  }

  /** Answers one CONNECT. */
  async connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (this.#stopping) return this.#refuseOn(request, socket, refusals.stopping);
    return this.#forwarding.connect(request, socket, head, this.#context.proxies.originOf(request));
  }

  #refuseOn(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    if (!socket.destroyed) sendRefusal(request, responseOn(request, socket, this.#context), refusal);
  }

  #track(request: IncomingMessage, response: ServerResponse): void {
    this.#responses.set(response, { endless: false });
    response.once('finish', () => this.#discardRest(request));
    response.once('close', () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#whenIdle?.();
    });
  }

  /**
   * The response is sent, and the user may still be sending a body. Closing now would reset the connection and often lose
   * the response, so the rest is read and dropped for a while.
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
    // Node does not always close a request that has been answered, but its connection always ends.
    socket.once('close', done);
  }
}
