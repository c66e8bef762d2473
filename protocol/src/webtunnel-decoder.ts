import { decodeProperties, type Property } from './property.ts';
import { FRAME_HEADER_BYTES, Opcode } from './webtunnel-frame.ts';

/** What a frame says. Data arrives in pieces, as the bytes come; everything else whole. */
export interface FrameHandler {
  /** A piece of payload, never empty; `bytes` is valid only during the call. */
  data(channel: number, bytes: Uint8Array, start: number, end: number): void;
  openRequest(channel: number, port: number): void;
  openConfirm(channel: number): void;
  openFault(channel: number, error: number): void;
  close(channel: number): void;
  error(channel: number, error: number): void;
  /** `increment` is 1 to 2^32-1. */
  credit(channel: number, increment: number): void;
  properties(properties: readonly Property[]): void;
  /**
   * A frame that says nothing valid: unknown opcode, wrong length, payload beyond the bound, unreadable properties.
   * The tunnel goes on (`webtunnel.md` section 2: error 6 on that channel).
   */
  violation(channel: number, what: string): void;
}

export interface FrameDecoderLimits {
  /** Largest data payload of one frame, in bytes. */
  readonly frameBytes: number;
  /** Largest properties update, in bytes after the header. */
  readonly propertiesBytes: number;
}

/** Payload length that an opcode demands; -1: any. Undefined: unknown opcode. */
function demandedLength(opcode: number): number | undefined {
  switch (opcode) {
    case Opcode.data:
    case Opcode.properties:
      return -1;
    case Opcode.openConfirm:
    case Opcode.close:
      return 0;
    case Opcode.openRequest:
    case Opcode.openFault:
    case Opcode.error:
      return 2;
    case Opcode.credit:
      return 4;
    default:
      return undefined;
  }
}

/**
 * Decodes the frame in each message. A message comes as any number of `push` calls and one `end`; data payload is
 * handed on at once and never collected, so a frame costs no memory.
 */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  readonly #limits: FrameDecoderLimits;
  /** Header and fixed payload of the frame under way; longer payloads are data (handed on) or properties. */
  readonly #head = new Uint8Array(FRAME_HEADER_BYTES + 4);
  #length = 0;
  #properties: Uint8Array | null = null;
  /** The rest of this message is dropped: it was found to be invalid. */
  #skip = false;

  constructor(handler: FrameHandler, limits: FrameDecoderLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** A whole message. */
  message(bytes: Uint8Array): void {
    this.push(bytes, 0, bytes.length);
    this.end();
  }

  /** The next bytes of the message under way; valid only during the call. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#skip) return;
    const payload = end - start - FRAME_HEADER_BYTES;
    if (
      this.#length === 0 &&
      bytes[start] === Opcode.data &&
      payload > 0 &&
      payload <= this.#limits.frameBytes
    ) {
      // Nearly all traffic: the head and payload of a data frame.
      const head = this.#head;
      head[0] = Opcode.data;
      head[2] = bytes[start + 2] ?? 0;
      head[3] = bytes[start + 3] ?? 0;
      this.#length = end - start;
      this.#handler.data((head[2] << 8) | head[3], bytes, start + FRAME_HEADER_BYTES, end);
      return;
    }
    const head = this.#head;
    let length = this.#length;
    while (length < FRAME_HEADER_BYTES && start < end) head[length++] = bytes[start++] ?? 0;
    this.#length = length + end - start;
    if (start === end) return;
    const opcode = head[0] ?? 0;
    const before = length - FRAME_HEADER_BYTES;
    if (opcode === Opcode.data) {
      const excess = this.#length - FRAME_HEADER_BYTES - this.#limits.frameBytes;
      const fitting = excess > 0 ? end - excess : end;
      if (fitting > start) this.#handler.data(this.#channel(), bytes, start, fitting);
      if (excess > 0) this.#violate(`data frame of more than ${this.#limits.frameBytes} bytes`);
    } else if (opcode === Opcode.properties) {
      this.#collect(bytes, start, end, before);
    } else if (this.#length > head.length) {
      this.#violate(this.#complaint(opcode));
    } else {
      while (start < end) head[length++] = bytes[start++] ?? 0;
    }
  }

  /** The message under way is complete. */
  end(): void {
    const length = this.#length;
    if (this.#head[0] === Opcode.data && length > FRAME_HEADER_BYTES && !this.#skip) {
      // Its payload has been handed on.
      this.#length = 0;
      return;
    }
    const skip = this.#skip;
    const properties = this.#properties;
    this.#length = 0;
    this.#skip = false;
    this.#properties = null;
    if (skip) return;
    if (length < FRAME_HEADER_BYTES) {
      this.#handler.violation(0, `frame of ${length} bytes`);
      return;
    }
    this.#dispatch(length - FRAME_HEADER_BYTES, properties);
  }

  #dispatch(length: number, properties: Uint8Array | null): void {
    const head = this.#head;
    const opcode = head[0] ?? 0;
    const channel = this.#channel();
    const demanded = demandedLength(opcode);
    if (demanded === undefined || (demanded >= 0 && demanded !== length)) {
      this.#handler.violation(channel, this.#complaint(opcode));
      return;
    }
    const word = ((head[4] ?? 0) << 8) | (head[5] ?? 0);
    switch (opcode) {
      case Opcode.openRequest:
        this.#handler.openRequest(channel, word);
        break;
      case Opcode.openConfirm:
        this.#handler.openConfirm(channel);
        break;
      case Opcode.openFault:
        this.#handler.openFault(channel, word);
        break;
      case Opcode.close:
        this.#handler.close(channel);
        break;
      case Opcode.error:
        this.#handler.error(channel, word);
        break;
      case Opcode.credit: {
        const increment = word * 0x10000 + (((head[6] ?? 0) << 8) | (head[7] ?? 0));
        if (increment === 0) this.#handler.violation(channel, 'credit of 0 bytes');
        else this.#handler.credit(channel, increment);
        break;
      }
      case Opcode.properties: {
        const decoded = properties && decodeProperties(properties.subarray(0, length));
        if (decoded) this.#handler.properties(decoded);
        else this.#handler.violation(channel, 'unreadable properties update');
        break;
      }
    }
  }

  #collect(bytes: Uint8Array, start: number, end: number, at: number): void {
    const size = this.#length - FRAME_HEADER_BYTES;
    if (size > this.#limits.propertiesBytes) {
      this.#violate(`properties update of more than ${this.#limits.propertiesBytes} bytes`);
      return;
    }
    if (!this.#properties || this.#properties.length < size) {
      const larger = new Uint8Array(Math.min(this.#limits.propertiesBytes, Math.max(256, size * 2)));
      if (this.#properties) larger.set(this.#properties.subarray(0, at));
      this.#properties = larger;
    }
    this.#properties.set(bytes.subarray(start, end), at);
  }

  #violate(what: string): void {
    this.#skip = true;
    this.#handler.violation(this.#channel(), what);
  }

  #complaint(opcode: number): string {
    const known = demandedLength(opcode) !== undefined;
    return `${known ? 'wrong length of opcode' : 'unknown opcode'} 0x${opcode.toString(16).padStart(2, '0')}`;
  }

  #channel(): number {
    return ((this.#head[2] ?? 0) << 8) | (this.#head[3] ?? 0);
  }
}
