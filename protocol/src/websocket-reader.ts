import { ProtocolError } from './errors.ts';
import { utf8DecodeStrict } from './text.ts';
import { isCloseCode, MAX_CONTROL_BYTES, WebSocketOpcode } from './websocket-frame.ts';

/** What a client reads from a WebSocket. Payload comes in pieces, as the bytes do; nothing is reassembled. */
export interface WebSocketHandler {
  /** A piece of the message under way, never empty; valid only during the call. */
  messageData(bytes: Uint8Array, start: number, end: number): void;
  messageEnd(): void;
  /** `payload` belongs to the callee. */
  pinged(payload: Uint8Array): void;
  ponged(payload: Uint8Array): void;
  /** The last event. `code` is 1005 when the frame carried none (RFC 6455 section 7.1.5). */
  closed(code: number, reason: string): void;
}

enum State {
  header,
  payload,
  control,
  closed,
}

/**
 * Reads the frames a server sends (RFC 6455 section 5), cut anywhere. Throws {@link ProtocolError} for every case in
 * which the RFC demands to fail the connection, and for messages of more than `messageBytes` (close code 1009) or of
 * text (1003). After an error or a close frame it reads nothing more.
 */
export class WebSocketReader {
  readonly #handler: WebSocketHandler;
  readonly #messageBytes: number;
  readonly #header = new Uint8Array(10);
  #have = 0;
  #state: State = State.header;
  /** Payload bytes of the frame that are still to come. */
  #rest = 0;
  #final = true;
  #opcode = 0;
  /** A message has begun and its final frame has not ended. */
  #inMessage = false;
  #messageLength = 0;
  #control = new Uint8Array(0);

  constructor(handler: WebSocketHandler, messageBytes: number) {
    this.#handler = handler;
    this.#messageBytes = messageBytes;
  }

  /** Reads nothing more: for a caller that closes from within a callback. */
  stop(): void {
    this.#state = State.closed;
  }

  push(bytes: Uint8Array, start: number, end: number): void {
    while (start < end && this.#state !== State.closed) {
      if (this.#state === State.header) {
        start = this.#have === 0 ? this.#readWhole(bytes, start, end) : start;
        if (start < end && this.#state === State.header) start = this.#readHeader(bytes, start, end);
        continue;
      }
      const take = Math.min(end - start, this.#rest);
      this.#rest -= take;
      if (this.#state === State.payload) this.#handler.messageData(bytes, start, start + take);
      else this.#control.set(bytes.subarray(start, start + take), this.#control.length - this.#rest - take);
      start += take;
      if (this.#rest === 0 && !this.#closed()) this.#endFrame();
    }
  }

  /**
   * Takes what nearly all traffic consists of, binary messages of up to 65,535 bytes that have come whole, and returns
   * the index after them. Taking their headers byte by byte costs an interpreter more than all the rest.
   */
  #readWhole(bytes: Uint8Array, start: number, end: number): number {
    while (end - start > 4 && bytes[start] === 0x82 && !this.#inMessage) {
      let length = bytes[start + 1] ?? 0;
      let payload = start + 2;
      if (length === 126) {
        length = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
        payload = start + 4;
        if (length < 126) break;
      } else if (length === 0 || length > 126) break;
      const next = payload + length;
      if (next > end || length > this.#messageBytes) break;
      this.#handler.messageData(bytes, payload, next);
      start = next;
      if (this.#closed()) break;
      this.#handler.messageEnd();
      if (this.#closed()) break;
    }
    return start;
  }

  /** A callback may have called `stop`. */
  #closed(): boolean {
    return this.#state === State.closed;
  }

  /** Takes header bytes up to what its length field demands; returns the index after those taken. */
  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    const header = this.#header;
    while (start < end) {
      header[this.#have++] = bytes[start++] ?? 0;
      if (this.#have === 1) this.#checkFirst(header[0] ?? 0);
      if (this.#have === 2) this.#checkSecond(header[1] ?? 0);
      if (this.#have < 2) continue;
      const short = (header[1] ?? 0) & 0x7f;
      const size = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#have === size) {
        this.#have = 0;
        this.#beginFrame(this.#payloadLength(short));
        break;
      }
    }
    return start;
  }

  #checkFirst(byte: number): void {
    if (byte & 0x70) this.#fail('RM_WS_RESERVED', 'reserved bit set');
    const opcode = byte & 15;
    this.#final = (byte & 0x80) !== 0;
    this.#opcode = opcode;
    if (opcode >= 8) {
      if (opcode > WebSocketOpcode.pong) this.#fail('RM_WS_RESERVED', `reserved opcode ${opcode}`);
      if (!this.#final) this.#fail('RM_WS_CONTROL', 'fragmented control frame');
    } else if (opcode === WebSocketOpcode.continuation) {
      if (!this.#inMessage) this.#fail('RM_WS_FRAGMENT', 'continuation without a message');
    } else if (opcode > WebSocketOpcode.binary) {
      this.#fail('RM_WS_RESERVED', `reserved opcode ${opcode}`);
    } else if (this.#inMessage) {
      this.#fail('RM_WS_FRAGMENT', 'new message before the end of the last');
    } else if (opcode === WebSocketOpcode.text) {
      this.#fail('RM_WS_TYPE', 'text message', 1003);
    }
  }

  #checkSecond(byte: number): void {
    if (byte & 0x80) this.#fail('RM_WS_MASK', 'masked frame from a server');
    if (this.#opcode >= 8 && byte > MAX_CONTROL_BYTES) this.#fail('RM_WS_CONTROL', 'control frame too long');
  }

  #payloadLength(short: number): number {
    if (short < 126) return short;
    const size = short === 126 ? 2 : 8;
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + (this.#header[2 + i] ?? 0);
    if (length > Number.MAX_SAFE_INTEGER) this.#fail('RM_WS_LENGTH', 'length beyond 2^53');
    if (length < (size === 2 ? 126 : 65536)) this.#fail('RM_WS_LENGTH', 'length not in its shortest form');
    return length;
  }

  #beginFrame(length: number): void {
    this.#rest = length;
    if (this.#opcode >= 8) {
      this.#state = State.control;
      this.#control = new Uint8Array(length);
    } else {
      if (!this.#inMessage) this.#messageLength = 0;
      this.#messageLength += length;
      if (this.#messageLength > this.#messageBytes) {
        this.#fail('RM_WS_SIZE', `message of more than ${this.#messageBytes} bytes`, 1009);
      }
      this.#inMessage = true;
      this.#state = State.payload;
    }
    if (length === 0) this.#endFrame();
  }

  #endFrame(): void {
    const control = this.#state === State.control;
    this.#state = State.header;
    if (!control) {
      if (!this.#final) return;
      this.#inMessage = false;
      this.#handler.messageEnd();
    } else if (this.#opcode === WebSocketOpcode.ping) {
      this.#handler.pinged(this.#control);
    } else if (this.#opcode === WebSocketOpcode.pong) {
      this.#handler.ponged(this.#control);
    } else {
      this.#endClose(this.#control);
    }
  }

  #endClose(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.#state = State.closed;
      this.#handler.closed(1005, '');
      return;
    }
    const code = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
    if (payload.length === 1) this.#fail('RM_WS_CLOSE', 'close frame of one byte');
    if (!isCloseCode(code)) this.#fail('RM_WS_CLOSE', `close code ${code}`);
    const reason = utf8DecodeStrict(payload, 2);
    if (reason === null) this.#fail('RM_WS_CLOSE', 'close reason is not UTF-8', 1007);
    this.#state = State.closed;
    this.#handler.closed(code, reason);
  }

  #fail(code: ConstructorParameters<typeof ProtocolError>[0], what: string, closeCode?: number): never {
    this.#state = State.closed;
    throw new ProtocolError(code, what, closeCode);
  }
}
