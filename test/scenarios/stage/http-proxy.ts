import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Mailbox, within } from './wait.ts';

/** One CONNECT of the agent, waiting for its answer. */
export class ConnectRequest {
  /** `HOST:PORT`. */
  readonly target: string;
  readonly socket: Duplex;
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage, socket: Duplex) {
    this.#request = request;
    this.target = request.url ?? '';
    this.socket = socket;
  }

  header(name: string): string | undefined {
    return this.#request.headersDistinct[name.toLowerCase()]?.join(', ');
  }

  /** Connects to a port of the loopback interface, whatever the target was. */
  accept(port = Number(this.target.replace(/^.*:/, ''))): void {
    const there = connect(port, '127.0.0.1');
    there.on('connect', () => this.socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
    there.on('error', () => this.socket.destroy());
    this.socket.on('close', () => there.destroy());
    there.on('close', () => this.socket.destroy());
    there.pipe(this.socket).pipe(there);
  }

  /** Answers with a status and header lines, and ends the connection. */
  refuse(status: string, ...lines: string[]): void {
    this.socket.end([`HTTP/1.1 ${status}`, 'Connection: close', ...lines, '', ''].join('\r\n'));
  }
}

/** An HTTP proxy that does what the test says and nothing else. */
export class HttpProxy {
  readonly port: number;
  readonly #requests: Mailbox<ConnectRequest>;
  readonly #stop: () => void;

  private constructor(port: number, requests: Mailbox<ConnectRequest>, stop: () => void) {
    this.port = port;
    this.#requests = requests;
    this.#stop = stop;
  }

  static async start(tls?: ServerOptions): Promise<HttpProxy> {
    const server = tls ? createTlsServer(tls) : createServer();
    const requests = new Mailbox<ConnectRequest>('a CONNECT request');
    const sockets = new Set<Socket>();
    server.on('connect', (request: IncomingMessage, socket: Duplex) => {
      socket.on('error', () => {});
      requests.put(new ConnectRequest(request, socket));
    });
    server.on('tlsClientError', () => {});
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await within(once(server, 'listening'), 'the proxy to listen');
    return new HttpProxy((server.address() as AddressInfo).port, requests, () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
  }

  /** CONNECT requests that have come and wait. */
  get pending(): number {
    return this.#requests.length;
  }

  /** The next CONNECT request; it waits for an answer. */
  request(): Promise<ConnectRequest> {
    return this.#requests.next();
  }

  stop(): void {
    this.#stop();
  }
}
