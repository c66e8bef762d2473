import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { Mailbox } from '../scenarios/stage/wait.ts';

/** A request as the device saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/**
 * The web server of a device, which writes down all that reaches it. `/events` is a stream that does not end, `/live` a
 * WebSocket, `/redirect?status=…&to=…` sends on, `/set?Name=value` answers with these headers; all else is an empty page.
 */
export class RecordingDevice {
  readonly port: number;
  readonly seen: Seen[] = [];
  /** The streams and WebSockets that were opened. */
  readonly streams = new Mailbox<ServerResponse>('a stream of events');
  readonly webSockets = new Mailbox<WebSocket>('a WebSocket');
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    const webSocketServer = new WebSocketServer({ noServer: true });
    server.on('request', (request, response) => this.#answer(request, response));
    server.on('upgrade', (request, socket, head) => {
      this.#note(request);
      webSocketServer.handleUpgrade(request, socket, head, (webSocket) => this.webSockets.put(webSocket));
    });
  }

  static async start(): Promise<RecordingDevice> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new RecordingDevice(server);
  }

  /** What was asked since the last call, but for the icon that browsers ask for by themselves. */
  take(): string[] {
    const asked = this.seen.splice(0).map(({ method, url }) => `${method} ${url}`);
    return asked.filter((line) => line !== 'GET /favicon.ico');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #note({ method = '', url = '', headers }: IncomingMessage): void {
    this.seen.push({ method, url, headers });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request);
    request.resume();
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://device');
    if (pathname === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: one\n\n');
      this.streams.put(response);
      return;
    }
    if (pathname === '/redirect') {
      response.writeHead(Number(searchParams.get('status')), { Location: searchParams.get('to') ?? '/' });
      response.end();
      return;
    }
    if (pathname === '/set') for (const [name, value] of searchParams) response.appendHeader(name, value);
    response.setHeader('Content-Type', 'text/html');
    response.end('<!DOCTYPE html><title>Device</title><p>Device</p>');
  }
}
