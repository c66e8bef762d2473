import { FRAME_HEADER_BYTES, FrameDecoder, type FrameHandler, WebSocketReader } from 'rm-protocol';
import { type Hello, HelloReader } from './hello.ts';
import { PeerViolation } from './peer-violation.ts';
import {
  decodeOpen,
  decodeUnavailable,
  maxRelayFrameBytes,
  type OpenRequest,
  RelayOpcode,
  relayTerms,
} from './relay-frame.ts';

/** What the other node says. */
export interface RelayHandler {
  /** The first event. */
  hello(hello: Hello): void;
  open(channel: number, request: OpenRequest): void;
  /** Answers an open request. */
  confirmed(channel: number): void;
  refused(channel: number, error: number): void;
  unavailable(channel: number, why: number, reason: string): void;
  /** `piece` may be kept; its memory does not change. */
  data(channel: number, piece: Buffer): void;
  credit(channel: number, bytes: number): void;
  closed(channel: number): void;
  failed(channel: number, error: number): void;
  pinged(): void;
  ponged(): void;
  /** The last event: the other node ends the connection, and says why. */
  ended(reason: string): void;
}

/**
 * Reads what one node sends another: a hello, then WebTunnel frames as binary WebSocket messages (RFC 6455 section 5), without masks
 * and without a handshake. Payload is handed on in the pieces in which it came. Throws {@link PeerViolation} or `ProtocolError`,
 * after which nothing more may be pushed.
 */
export class RelayReader {
  readonly #handler: RelayHandler;
  readonly #webSocket: WebSocketReader;
  readonly #decoder: FrameDecoder;
  #hello: HelloReader | null = new HelloReader();
  /** Bytes of the message under way. */
  #length = 0;
  /** The message under way when it is one of ours; `null`: it is one of WebTunnel's. */
  #own: Buffer | null = null;

  constructor(handler: RelayHandler) {
    this.#handler = handler;
    this.#decoder = new FrameDecoder(this.#frames(), { frameBytes: relayTerms.maxFrame, propertiesBytes: 1 });
    this.#webSocket = new WebSocketReader(
      {
        messageData: (bytes, start, end) => this.#take(bytes, start, end),
        messageEnd: () => this.#end(),
        pinged: () => handler.pinged(),
        ponged: () => handler.ponged(),
        closed: (code, reason) => handler.ended(reason || `close code ${code}`),
      },
      FRAME_HEADER_BYTES + relayTerms.maxFrame,
    );
  }

  /** Reads nothing more: for a caller that ends within a callback. */
  stop(): void {
    this.#webSocket.stop();
  }

  /** `piece` belongs to the reader from now on. */
  push(piece: Buffer): void {
    let start = 0;
    if (this.#hello) {
      const complete = this.#hello.push(piece);
      if (!complete) return;
      this.#hello = null;
      start = complete.next;
      this.#handler.hello(complete.hello);
    }
    this.#webSocket.push(piece, start, piece.length);
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#length === 0) {
      const opcode = bytes[start];
      if (opcode === RelayOpcode.open || opcode === RelayOpcode.unavailable)
        this.#own = Buffer.alloc(maxRelayFrameBytes);
    }
    const at = this.#length;
    this.#length += end - start;
    if (!this.#own) {
      this.#decoder.push(bytes, start, end);
      return;
    }
    if (this.#length > this.#own.length)
      throw new PeerViolation(`frame of more than ${this.#own.length} bytes`);
    this.#own.set(bytes.subarray(start, end), at);
  }

  #end(): void {
    const own = this.#own?.subarray(0, this.#length);
    this.#own = null;
    this.#length = 0;
    if (!own) {
      this.#decoder.end();
      return;
    }
    if (own.length < FRAME_HEADER_BYTES) throw new PeerViolation(`frame of ${own.length} bytes`);
    const channel = own.readUInt16BE(2);
    if (own[0] === RelayOpcode.open) this.#handler.open(channel, decodeOpen(own));
    else {
      const { why, reason } = decodeUnavailable(own);
      this.#handler.unavailable(channel, why, reason);
    }
  }

  #frames(): FrameHandler {
    const handler = this.#handler;
    return {
      data: (channel, bytes, start, end) =>
        handler.data(channel, Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)),
      openConfirm: (channel) => handler.confirmed(channel),
      openFault: (channel, error) => handler.refused(channel, error),
      close: (channel) => handler.closed(channel),
      error: (channel, error) => handler.failed(channel, error),
      credit: (channel, increment) => handler.credit(channel, increment),
      openRequest: () => {
        throw new PeerViolation('open request without a device');
      },
      properties: () => {
        throw new PeerViolation('properties from a node');
      },
      // Nodes run this program: what a device may do by mistake, a node does not.
      violation: (_channel, what) => {
        throw new PeerViolation(what);
      },
    };
  }
}
