import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { Tunnel } from './tunnel.ts';
import { Mailbox, within } from './wait.ts';

const subprotocol = 'com.appinf.webtunnel.server/1.0';

export interface AcceptOptions {
  /** Value of `Sec-WebSocket-Protocol`; `null` leaves the header out. */
  readonly subprotocol?: string | null;
  /** The extension in force: `max-frame` and `window`, in bytes. */
  readonly extension?: { readonly maxFrame: number; readonly window: number };
  /** Header lines to add, for example `X-WebTunnel-KeepAlive: 1`. */
  readonly headers?: readonly string[];
}

/** One upgrade request of the agent, waiting for its answer. */
export class Upgrade {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly socket: Duplex;
  readonly #request: IncomingMessage;
  readonly #head: Buffer;

  constructor(request: IncomingMessage, socket: Duplex, head: Buffer) {
    this.#request = request;
    this.#head = head;
    this.socket = socket;
    this.method = request.method ?? '';
    this.target = request.url ?? '';
    this.httpVersion = request.httpVersion;
  }

  /** The values of a header, one a line as they came, decoded as UTF-8. */
  all(name: string): string[] {
    const values = this.#request.headersDistinct[name.toLowerCase()] ?? [];
    return values.map((value) => Buffer.from(value, 'latin1').toString());
  }

  /** The only value of a header; undefined without one. */
  header(name: string): string | undefined {
    const values = this.all(name);
    if (values.length > 1) throw new Error(`${name} came ${values.length} times`);
    return values[0];
  }

  /** Answers 101 and opens the tunnel. `ws` neither takes a `/` in the subprotocol nor POST: both are kept from it. */
  accept(options: AcceptOptions = {}): Tunnel {
    const lines = [...(options.headers ?? [])];
    const protocol = options.subprotocol === undefined ? subprotocol : options.subprotocol;
    if (protocol !== null) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    if (options.extension) {
      const { maxFrame, window } = options.extension;
      lines.push(`X-WebTunnel-Extensions: max-frame=${maxFrame}, window=${window}`);
    }
    delete this.#request.headers['sec-websocket-protocol'];
    this.#request.method = 'GET';
    const server = new WebSocketServer({
      noServer: true,
      autoPong: false,
      perMessageDeflate: false,
      maxPayload: 1 << 26,
    });
    server.on('headers', (headers) => headers.push(...lines));
    let tunnel: Tunnel | undefined;
    server.handleUpgrade(this.#request, this.socket, this.#head, (webSocket) => {
      tunnel = new Tunnel(webSocket, this.socket, options.extension?.window ?? 0);
    });
    if (!tunnel) throw new Error('ws refused the upgrade request of the agent');
    return tunnel;
  }

  /** Answers with a status and header lines, and ends the connection. */
  refuse(status: string, ...lines: string[]): void {
    const head = [`HTTP/1.1 ${status}`, 'Content-Length: 0', 'Connection: close', ...lines, '', ''];
    this.socket.end(head.join('\r\n'));
  }
}

/** A request for enrolment, waiting for its reply. */
export class Enrolment {
  readonly target: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly socket: Socket;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse, body: string) {
    this.target = `${request.method} ${request.url}`;
    this.socket = request.socket;
    this.body = JSON.parse(body);
    this.#response = response;
  }

  reply(status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
    const text = JSON.stringify(body);
    this.#response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(text) });
    this.#response.end(text);
  }
}

/** A reflector that does what the test says and nothing else. */
export class Reflector {
  readonly port: number;
  /** The configured URI, ending in `/`. */
  readonly uri: string;
  /** Connections so far, whether or not a request came. */
  connections = 0;
  /** Of these, the ones that {@link establishedTunnel} has passed over. */
  abandoned = 0;
  readonly #upgrades: Mailbox<Upgrade>;
  readonly #enrolments = new Mailbox<Enrolment>('a request for enrolment');
  readonly #arrivals = new Mailbox<Socket>('a connection to the reflector');
  readonly #sockets = new Set<Socket>();
  readonly #close: () => void;

  private constructor(port: number, scheme: string, upgrades: Mailbox<Upgrade>, close: () => void) {
    this.port = port;
    this.uri = `${scheme}://127.0.0.1:${port}/`;
    this.#upgrades = upgrades;
    this.#close = close;
  }

  /** Listens on an ephemeral port of the loopback interface, or on `port` (again after {@link stop}). */
  static async start(tls?: ServerOptions, port = 0, address = '127.0.0.1'): Promise<Reflector> {
    const server = tls ? createTlsServer(tls) : createServer();
    const upgrades = new Mailbox<Upgrade>('an upgrade request');
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => {});
      upgrades.put(new Upgrade(request, socket, head));
    });
    server.on('tlsClientError', () => {});
    server.listen(port, address);
    await within(once(server, 'listening'), 'the reflector to listen');
    const bound = (server.address() as AddressInfo).port;
    const reflector = new Reflector(bound, tls ? 'https' : 'http', upgrades, () => server.close());
    server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
      request.setEncoding('utf8');
      let body = '';
      for await (const piece of request) body += piece;
      reflector.#enrolments.put(new Enrolment(request, response, body));
    });
    server.on('connection', (socket: Socket) => {
      reflector.connections++;
      reflector.#arrivals.put(socket);
      reflector.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => reflector.#sockets.delete(socket));
    });
    return reflector;
  }

  /** The next TCP connection, whatever comes over it. */
  async connection(): Promise<void> {
    await this.#arrivals.next();
  }

  /** Upgrade requests that have come and wait. */
  get pending(): number {
    return this.#upgrades.length;
  }

  /** The next request for enrolment; it waits for a reply. */
  enrolment(): Promise<Enrolment> {
    return this.#enrolments.next();
  }

  /** The next upgrade request; it waits for an answer. */
  upgrade(): Promise<Upgrade> {
    return this.#upgrades.next();
  }

  /** Takes the next upgrade request and opens the tunnel. */
  async tunnel(options: AcceptOptions = {}): Promise<Tunnel> {
    return (await this.upgrade()).accept(options);
  }

  /**
   * Opens the first tunnel that the agent has as well. An agent with little time for an attempt may have given it up before
   * this process, on a busy machine, has answered; then it makes another.
   */
  async establishedTunnel(options: AcceptOptions = {}): Promise<Tunnel> {
    for (;;) {
      const upgrade = await this.upgrade();
      if (upgrade.socket.readable && upgrade.socket.writable) {
        const tunnel = upgrade.accept(options);
        if (await tunnel.established()) return tunnel;
      }
      this.abandoned++;
    }
  }

  /** Stops listening and resets every connection. */
  stop(): void {
    this.#close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
