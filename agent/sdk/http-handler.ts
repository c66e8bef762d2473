import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ServiceHandler } from './handler-service.ts';

/** What is needed of a `WebSocketServer` of the package `ws` (`noServer: true`). */
export interface WebSocketAcceptor<Socket> {
  handleUpgrade(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    accepted: (socket: Socket, request: IncomingMessage) => void,
  ): void;
  emit(event: 'connection', socket: Socket, request: IncomingMessage): boolean;
}

export interface HttpHandlerOptions<Socket> {
  /** Takes the requests to upgrade to WebSocket; without it they are answered as other requests are. */
  readonly webSockets?: WebSocketAcceptor<Socket>;
}

/**
 * Serves HTTP by the request listener of an application, or by its server, which need not listen:
 * `httpHandler(express())`, `httpHandler(fastify.server)` after `fastify.ready()`, or
 * `httpHandler((request, response) => …)`.
 */
export function httpHandler<Socket = never>(
  application: RequestListener | Server,
  { webSockets }: HttpHandlerOptions<Socket> = {},
): ServiceHandler {
  const server = typeof application === 'function' ? createServer(application) : application;
  if (typeof server?.emit !== 'function') {
    throw new TypeError('httpHandler: needed is a request listener or a server of node:http');
  }
  if (webSockets) {
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) =>
      webSockets.handleUpgrade(request, stream, head, (socket) =>
        webSockets.emit('connection', socket, request),
      ),
    );
  }
  return (stream) => void server.emit('connection', stream);
}
