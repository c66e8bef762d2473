import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import {
  closePayload,
  MAX_HEADER_BYTES,
  ProtocolError,
  type WebSocketHandler,
  WebSocketOpcode,
  WebSocketReader,
  writeClientHeader,
} from 'rm-protocol';
import type { RemoteSystem } from './remote-system.ts';

export interface ClientOptions {
  /** A port of the device. */
  readonly port: number;
  /** The original sends `POST`. */
  readonly method?: 'GET' | 'POST';
  /** Announce the extension: larger messages, and an empty one as half-close. */
  readonly extension?: boolean;
  readonly authorization?: string;
}

/** The reflector's answer when it is not 101. */
export class Refusal extends Error {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    super(`${status} ${text}`);
    this.status = status;
    this.text = text;
  }
}

/** Key 0 is as valid as any other (RFC 6455 section 5.3), and leaves the payload as it is. */
const maskingKey = new Uint8Array(4);

/** A client of `webtunnel.md` section 4: one TCP connection to a port of the device. */
export class ClientTunnel extends Duplex {
  readonly #socket: Socket;
  readonly #reader: WebSocketReader;
  readonly #extension: boolean;
  readonly #messageBytes: number;
  #messageLength = 0;

  private constructor(socket: Socket, head: Buffer, extension: boolean, maxFrame: number) {
    super();
    this.#socket = socket;
    this.#extension = extension;
    this.#messageBytes = maxFrame;
    this.#reader = new WebSocketReader(this.#handler(), maxFrame);
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    if (head.length > 0) this.#receive(head);
  }

  /** Rejects with a {@link Refusal}. */
  static open(system: RemoteSystem, options: ClientOptions): Promise<ClientTunnel> {
    return new Promise((resolve, reject) => {
      const upgrade = request({
        host: '127.0.0.1',
        port: system.port,
        method: options.method ?? 'GET',
        headers: {
          Host: system.host,
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
          'Sec-WebSocket-Protocol': 'com.appinf.webtunnel.client/1.0',
          'X-WebTunnel-RemotePort': String(options.port),
          'X-WebTunnel-KeepAlive': '300',
          Authorization: options.authorization ?? system.authorization,
          ...(options.extension ? { 'X-WebTunnel-Extensions': 'max-frame=65536, window=262144' } : {}),
        },
      });
      upgrade.on('upgrade', (response: IncomingMessage, socket: Socket, head: Buffer) => {
        const agreed = response.headers['x-webtunnel-extensions'];
        const maxFrame = Number(/max-frame=(\d+)/.exec(String(agreed))?.[1] ?? 2048);
        resolve(new ClientTunnel(socket, head, agreed !== undefined, maxFrame));
      });
      upgrade.on('response', (response) => {
        response.resume();
        reject(new Refusal(response.statusCode ?? 0, String(response.headers['x-ptth-error'] ?? '')));
      });
      upgrade.on('error', reject);
      upgrade.end();
    });
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.cork();
    for (let at = 0; at < bytes.length; at += this.#messageBytes) {
      this.#message(WebSocketOpcode.binary, bytes.subarray(at, at + this.#messageBytes));
    }
    this.#socket.uncork();
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', done);
    else done();
  }

  override _final(done: () => void): void {
    if (this.#extension) this.#message(WebSocketOpcode.binary, new Uint8Array());
    else this.#message(WebSocketOpcode.close, closePayload(1000));
    done();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #handler(): WebSocketHandler {
    return {
      messageData: (bytes, start, end) => {
        this.#messageLength += end - start;
        if (!this.push(bytes.subarray(start, end))) this.#socket.pause();
      },
      messageEnd: () => {
        if (this.#extension && this.#messageLength === 0) this.push(null);
        this.#messageLength = 0;
      },
      pinged: (payload) => this.#message(WebSocketOpcode.pong, payload),
      ponged: () => undefined,
      closed: () => {
        this.push(null);
        if (!this.writableEnded) this.end();
        this.#socket.end();
      },
    };
  }

  #receive(bytes: Buffer): void {
    try {
      this.#reader.push(bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.destroy(error);
    }
  }

  #message(opcode: number, payload: Uint8Array): void {
    const header = Buffer.allocUnsafe(MAX_HEADER_BYTES);
    this.#socket.write(header.subarray(0, writeClientHeader(header, 0, opcode, payload.length, maskingKey)));
    this.#socket.write(payload);
  }
}
