import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from 'rm-protocol';
import { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import { BodyPace } from './body-pace.ts';
import { breakOff } from './break-off.ts';
import { responseOn } from './detached-response.ts';
import { framingOf, valuesOf } from './headers.ts';
import { endAndLinger, type Linger } from './linger.ts';
import { type LookOfRequest, setLooks } from './look.ts';
import { plainRefusal } from './plain-refusal.ts';
import { type Refusal, sendRefusal } from './refusal.ts';
import { connectViolation, requestViolation } from './request-rules.ts';
import { toOriginForm } from './request-target.ts';

/** What answers the requests that the guard lets through. */
export interface RequestHandler {
  request(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** `head`: bytes behind the request's head, which belong to the new protocol. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** A CONNECT; `head` as for an upgrade. */
  connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
}

export interface HttpGuardOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  /** Whether a request in HTTP/1.1 must name a host. */
  readonly needsHost: (request: IncomingMessage) => boolean;
  /** The refusal for an error that the handler threw; `null`: it is a bug. */
  readonly refusalOf: (error: unknown) => Refusal | null;
  /** How the pages of refusals look; plain by default. */
  readonly looks?: LookOfRequest | null;
  /** Called with each bug. It costs only the connection. */
  readonly failed: (error: unknown) => void;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A connection of a user or device that `node:http` still owns. */
interface Connection {
  /** Requests without a complete response; the first is being answered. */
  readonly exchanges: Exchange[];
  /** What it sent is not HTTP. */
  broken: boolean;
  /** Sent once everything before has been answered. */
  finalReply: (() => void) | null;
  /** Whatever is thrown costs only this connection. */
  readonly boundary: Boundary;
}

/**
 * The outermost part of the server. It passes on only well-formed requests, and closes connections that are stuck. Requests
 * on one connection are answered one at a time and in order, also when pipelined (RFC 9112 section 9.3.2). Unknown upgrades
 * are ignored (RFC 9110 section 7.8).
 */
export class HttpGuard {
  readonly #handler: RequestHandler;
  readonly #options: HttpGuardOptions;
  readonly #connections = new WeakMap<Duplex, Connection>();

  constructor(server: Server, handler: RequestHandler, options: HttpGuardOptions) {
    this.#handler = handler;
    this.#options = options;
    const take = (request: IncomingMessage, response: ServerResponse) => {
      this.#within(request.socket, () => this.#take(request, response));
    };
    server.on('request', take);
    // Without this listener, node:http would send "100 Continue" itself. The device decides.
    server.on('checkContinue', take);
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#within(socket, () => this.#upgrade(request, socket, head));
    });
    server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#within(socket, () => this.#connect(request, socket, head));
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      this.#within(socket, () => this.#broken(error, socket));
    });
    server.setTimeout(this.#options.limits.userStallMs, (socket: Socket) => {
      this.#within(socket, () => this.#silent(socket));
    });
  }

  /** Whatever anybody sends may cost their connection, never the process. */
  #within(socket: Duplex, handle: () => void): void {
    this.#of(socket).boundary.run(handle);
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#of(socket);
    const { exchanges } = connection;
    connection.boundary.contain(request);
    connection.boundary.contain(response);
    if (socket.destroyed) return;
    if (exchanges.length >= this.#options.limits.pipelinedRequests) {
      socket.destroy();
      return;
    }
    exchanges.push({ request, response });
    response.once('close', () => this.#answered(connection, response));
    if (exchanges.length === 1) this.#answer(connection);
  }

  #answer(connection: Connection): void {
    const [exchange] = connection.exchanges;
    if (!exchange) {
      connection.finalReply?.();
      return;
    }
    const { request, response } = exchange;
    toOriginForm(request);
    const violation = requestViolation(request, this.#options.limits, this.#options.needsHost);
    if (violation) {
      // No further request is accepted on this connection.
      response.shouldKeepAlive = false;
      request.resume();
      sendRefusal(request, response, violation);
      return;
    }
    if (framingOf(request.rawHeaders) !== 'none') {
      const { clock, limits } = this.#options;
      new BodyPace(request, clock, limits.bodyIdleMs, () => {
        connection.boundary.run(() => this.#tooSlow(response, request.socket));
      });
    }
    this.#run(
      request,
      () => response,
      () => this.#handler.request(request, response),
    );
  }

  #answered(connection: Connection, response: ServerResponse): void {
    const at = connection.exchanges.findIndex((exchange) => exchange.response === response);
    if (at >= 0) connection.exchanges.splice(at, 1);
    // The connection ends with this response, so later requests are not answered.
    const ends = !response.shouldKeepAlive || response.req.socket.destroyed;
    if (at === 0 && (!ends || connection.exchanges.length === 0)) this.#answer(connection);
  }

  /** Whether a connection that `node:http` has handed over can be used. */
  #takesOver(request: IncomingMessage, socket: Duplex): boolean {
    // The peer may go away before it is answered.
    socket.on('error', () => {});
    // Each stage adds a listener, and so does `node:tls`: more than the 10 at which Node suspects a leak.
    socket.setMaxListeners(20);
    const connection = this.#of(socket);
    connection.boundary.contain(request);
    if (connection.exchanges.length === 0) return true;
    // An earlier request has no response yet: the two would mix.
    socket.destroy();
    return false;
  }

  #connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.#takesOver(request, socket)) return;
    const violation = connectViolation(request, this.#options.limits);
    if (violation) {
      refuseOn(request, socket, this.#options, violation);
      return;
    }
    this.#run(
      request,
      () => responseOn(request, socket, this.#options),
      () => this.#handler.connect(request, socket, head),
    );
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.#takesOver(request, socket)) return;
    toOriginForm(request);
    const violation =
      requestViolation(request, this.#options.limits, this.#options.needsHost) ?? upgradeViolation(request);
    if (violation) {
      refuseOn(request, socket, this.#options, violation);
    } else if (asksForWebSocket(request)) {
      this.#run(
        request,
        () => responseOn(request, socket, this.#options),
        () => this.#handler.upgrade(request, socket, head),
      );
    } else {
      const response = responseOn(request, socket, this.#options);
      this.#run(
        request,
        () => response,
        () => this.#handler.request(request, response),
      );
    }
  }

  /** The bytes are not a request, or did not come in time. */
  #broken(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = this.#of(socket);
    if (connection.broken || socket.destroyed) return;
    connection.broken = true;
    const reply = () => {
      if (socket.writable && error.code !== 'ECONNRESET' && !isBeforeTls(socket)) {
        socket.write(plainRefusal(error.code ?? ''));
        endAndLinger(socket, this.#options);
      } else {
        socket.destroy();
      }
    };
    const { exchanges } = connection;
    const last = exchanges.at(-1);
    if (!last) reply();
    else if (last.request.complete) connection.finalReply = reply;
    // The body of the last request is broken, so that request gets no response of its own.
    else if (exchanges.length === 1 && isToAnswer(last.response, socket)) this.#cutShort(last, socket, reply);
    else socket.destroy();
  }

  #cutShort({ response }: Exchange, socket: Duplex, reply: () => void): void {
    response.detachSocket(socket as Socket);
    reply();
    // Tell the handler that the request has ended.
    response.destroy();
    response.emit('close');
  }

  #tooSlow(response: ServerResponse, socket: Duplex): void {
    const connection = this.#of(socket);
    const last = connection.exchanges.at(-1);
    if (last?.response !== response || !isToAnswer(response, socket)) {
      breakOff(socket);
      return;
    }
    connection.broken = true;
    this.#cutShort(last, socket, () => {
      socket.write(plainRefusal('ERR_HTTP_REQUEST_TIMEOUT'));
      endAndLinger(socket, this.#options);
    });
  }

  /** No bytes in either direction for a while: the peer takes nothing, or `node:http` waits for a request. */
  #silent(socket: Socket): void {
    const connection = this.#connections.get(socket);
    const idle = (connection?.exchanges.length ?? 0) === 0 && isOfHttp(socket);
    if (idle) socket.destroy();
    // The peer has not received everything, and must notice.
    else if (socket.writableLength > 0) breakOff(socket);
  }

  #of(socket: Duplex): Connection {
    let connection = this.#connections.get(socket);
    if (!connection) {
      const boundary = new Boundary(
        () => breakOff(socket),
        (error) => this.#options.failed(error),
      );
      boundary.contain(socket);
      const made: Connection = { exchanges: [], broken: false, finalReply: null, boundary };
      this.#connections.set(socket, made);
      if (this.#options.looks) setLooks(socket, this.#options.looks);
      socket.once('close', () => process.nextTick(() => boundary.run(() => forget(made))));
      connection = made;
    }
    return connection;
  }

  #run(request: IncomingMessage, respond: () => ServerResponse, answer: () => Promise<void>): void {
    const { socket } = request;
    const { boundary } = this.#of(socket);
    answer().catch((error: unknown) => {
      if (socket.destroyed) return;
      boundary.run(() => {
        const refusal = this.#options.refusalOf(error);
        if (!refusal) throw error;
        const response = respond();
        if (response.headersSent) socket.destroy();
        else sendRefusal(request, response, refusal);
      });
    });
  }
}

/** `node:http` emits no `close` for responses that waited for their turn. */
function forget({ exchanges }: Connection): void {
  for (const { response } of exchanges.splice(0)) {
    response.destroy();
    response.emit('close');
  }
}

/** Nothing of it has been sent, and it is its turn: `node:http` may still be sending a response of its own (417). */
function isToAnswer(response: ServerResponse, socket: Duplex): boolean {
  return socket.writable && !response.headersSent && response.socket === socket;
}

/** The TLS handshake is not complete, so nothing can be sent. */
function isBeforeTls(socket: Duplex): boolean {
  return (socket as { readonly secureConnecting?: boolean }).secureConnecting === true;
}

/** `node:http` has not handed the socket over. */
function isOfHttp(socket: Socket): boolean {
  return (socket as { readonly parser?: unknown }).parser != null;
}

function refuseOn(request: IncomingMessage, socket: Duplex, linger: Linger, refusal: Refusal): void {
  sendRefusal(request, responseOn(request, socket, linger), refusal);
}

/** `node:http` stops reading after the head, so a body would be mistaken for the new protocol. */
function upgradeViolation(request: IncomingMessage): Refusal | null {
  if (framingOf(request.rawHeaders) === 'none') return null;
  return { status: 501, error: 'An upgrade with a body is not supported' };
}

/** HTTP/1.0 has no upgrades (RFC 9110 section 7.8). */
function asksForWebSocket(request: IncomingMessage): boolean {
  const protocols = valuesOf(request.rawHeaders, 'upgrade').flatMap((value) =>
    value.toLowerCase().split(','),
  );
  return request.httpVersion === '1.1' && protocols.some((protocol) => protocol.trim() === 'websocket');
}
