import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { limits } from './limits.ts';
import type { Reading } from './pump.ts';

const readingIntervalMs = 250;
const pingIntervalMs = 30_000;
/** What a client has for its half of the closing handshake. */
const closeTimeoutMs = 500;

/** Sends a reading to every WebSocket four times a second. Without one, nothing runs. */
export class LiveFeed {
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.commandBytes,
    clientTracking: false,
  });
  /** Each with whether it has answered the last PING. */
  readonly #clients = new Map<WebSocket, boolean>();
  readonly #read: () => Reading;
  #timers: NodeJS.Timeout[] = [];

  constructor(read: () => Reading) {
    this.#read = read;
  }

  /** Takes over a connection that asks for the upgrade. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#clients.size >= limits.streams) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) => {
      this.#clients.set(client, true);
      client.on('pong', () => this.#clients.set(client, true));
      client.on('close', () => this.#remove(client));
      // An error is followed by `close`.
      client.on('error', () => {});
      client.send(JSON.stringify(this.#read()));
      if (this.#timers.length === 0) {
        this.#timers = [
          setInterval(() => this.#sendAll(), readingIntervalMs),
          setInterval(() => this.#pingAll(), pingIntervalMs),
        ];
      }
    });
  }

  close(): void {
    for (const client of this.#clients.keys()) {
      client.close(1001);
      setTimeout(() => client.terminate(), closeTimeoutMs);
    }
  }

  #remove(client: WebSocket): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#timers.forEach(clearInterval);
    this.#timers = [];
  }

  #sendAll(): void {
    const message = JSON.stringify(this.#read());
    for (const client of this.#clients.keys()) {
      if (client.bufferedAmount <= limits.feedBacklogBytes) client.send(message);
    }
  }

  #pingAll(): void {
    for (const [client, alive] of this.#clients) {
      if (!alive) {
        client.terminate();
        continue;
      }
      this.#clients.set(client, false);
      client.ping();
    }
  }
}
