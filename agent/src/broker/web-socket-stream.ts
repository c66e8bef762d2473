import {
  acceptFor,
  checkUpgradeResponse,
  closePayload,
  encodeUpgradeRequest,
  type HttpUri,
  hostHeader,
  MAX_HEADER_BYTES,
  ProtocolError,
  WebSocketOpcode,
  WebSocketReader,
  writeClientHeader,
} from 'rm-protocol';
import type { Connection } from '../dial/connection.ts';
import { ResponseReader } from '../dial/response-reader.ts';
import type { Crypto, HostError } from '../host.ts';
import type { ByteHandler, ByteStream } from './broker-connection.ts';

/** The subprotocol (MQTT 5 section 6). */
const SUBPROTOCOL = 'mqtt';

/** A message may hold many packets, which have a bound of their own. */
const MESSAGE_BYTES = 0xffff_ffff;

/**
 * Upgrades a connection to a WebSocket. `opened` gets the stream within it, and `failed` the reason why there is none; one
 * of them is called, once, unless the socket is destroyed.
 */
export function upgradeToWebSocket(
  connection: Connection,
  { crypto, uri, headBytes }: { readonly crypto: Crypto; readonly uri: HttpUri; readonly headBytes: number },
  opened: (stream: ByteStream) => void,
  failed: (reason: string) => void,
): void {
  const { socket } = connection;
  const nonce = new Uint8Array(16);
  crypto.random(nonce);
  const reader = new ResponseReader(headBytes);
  connection.handler = {
    data: (bytes, start, end) => {
      try {
        const read = reader.push(bytes, start, end);
        if (!read) return;
        const { response, rest } = read;
        if (response.status !== 101)
          throw new ProtocolError('RM_UPGRADE', `answered ${response.status} ${response.reason}`);
        checkUpgradeResponse(
          response,
          acceptFor(nonce, (data) => crypto.digest('sha-1', data)),
          SUBPROTOCOL,
        );
        const stream = new WebSocketStream(connection, crypto);
        opened(stream);
        stream.receive(bytes, rest, end);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        failed(error.message);
      }
    },
    taken: () => undefined,
    ended: () => socket.end(),
    closed: (error: HostError | null) => failed(error?.message ?? 'connection closed before an answer'),
  };
  socket.write(
    encodeUpgradeRequest({
      method: 'GET',
      target: uri.target,
      host: hostHeader(uri),
      nonce,
      protocol: SUBPROTOCOL,
      fields: [],
    }),
  );
}

/** MQTT in binary messages. */
class WebSocketStream implements ByteStream {
  readonly #connection: Connection;
  readonly #crypto: Crypto;
  readonly #reader: WebSocketReader;
  #handler: ByteHandler | null = null;

  constructor(connection: Connection, crypto: Crypto) {
    this.#connection = connection;
    this.#crypto = crypto;
    this.#reader = new WebSocketReader(
      {
        messageData: (bytes, start, end) => this.#handler?.data(bytes, start, end),
        messageEnd: () => undefined,
        pinged: (payload) => this.#handler?.sent(this.#frame(WebSocketOpcode.pong, payload)),
        ponged: () => undefined,
        closed: () => this.#over('closed by the broker'),
      },
      MESSAGE_BYTES,
    );
    const { socket } = connection;
    connection.handler = {
      data: (bytes, start, end) => this.receive(bytes, start, end),
      taken: (count) => this.#handler?.taken(count),
      ended: () => this.#over('closed by the broker'),
      closed: (error) => {
        this.#reader.stop();
        const handler = this.#handler;
        this.#handler = null;
        handler?.closed(error?.message ?? 'connection closed');
        socket.destroy();
      },
    };
  }

  send(bytes: Uint8Array): number {
    return this.#frame(WebSocketOpcode.binary, bytes);
  }

  pause(): void {
    this.#connection.socket.pause();
  }

  resume(): void {
    this.#connection.socket.resume();
  }

  end(): void {
    this.#frame(WebSocketOpcode.close, closePayload(1000));
    this.#connection.socket.end();
  }

  destroy(): void {
    this.#reader.stop();
    this.#handler = null;
    this.#connection.socket.destroy();
  }

  deliverTo(handler: ByteHandler): void {
    this.#handler = handler;
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#reader.push(bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#over(error.message);
    }
  }

  #over(reason: string): void {
    const handler = this.#handler;
    this.destroy();
    handler?.closed(reason);
  }

  #frame(opcode: number, payload: Uint8Array): number {
    const key = new Uint8Array(4);
    this.#crypto.random(key);
    const frame = new Uint8Array(MAX_HEADER_BYTES + payload.length);
    const at = writeClientHeader(frame, 0, opcode, payload.length, key);
    this.#crypto.mask(payload, 0, payload.length, frame, at, key, 0);
    const length = at + payload.length;
    this.#connection.socket.write(frame, 0, length);
    return length;
  }
}
