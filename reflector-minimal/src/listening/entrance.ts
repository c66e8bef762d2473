import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { responseOn } from '../http/detached-response.ts';
import type { RequestHandler } from '../http/guard.ts';
import type { Linger } from '../http/linger.ts';
import { sendRefusal } from '../http/refusal.ts';
import { refusals } from '../refusals/catalogue.ts';

/** What answers once the reflector has started. */
export interface Handler extends RequestHandler {
  /** Load balancers check with HTTP/1.1 requests that name no host. */
  answersWithoutHost(request: IncomingMessage): boolean;
}

/**
 * Refuses everything with 503 and `Retry-After` until there is a handler: the port is open before the store is, because
 * nothing of the store may be touched while the port may be another's.
 */
export class Entrance implements Handler {
  readonly #linger: Linger;
  #handler: Handler | null = null;

  constructor(linger: Linger) {
    this.#linger = linger;
  }

  open(handler: Handler): void {
    this.#handler = handler;
  }

  answersWithoutHost(request: IncomingMessage): boolean {
    return this.#handler?.answersWithoutHost(request) ?? true;
  }

  request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#handler) return this.#handler.request(request, response);
    response.shouldKeepAlive = false;
    sendRefusal(request, response, refusals.stopping);
    return Promise.resolve();
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    return this.#handler?.upgrade(request, socket, head) ?? this.#refuse(request, socket);
  }

  connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    return this.#handler?.connect(request, socket, head) ?? this.#refuse(request, socket);
  }

  #refuse(request: IncomingMessage, socket: Duplex): Promise<void> {
    sendRefusal(request, responseOn(request, socket, this.#linger), refusals.stopping);
    return Promise.resolve();
  }
}
