import { isUtf8 } from 'node:buffer';
import { isCloseCode, MAX_CONTROL_BYTES, MAX_HEADER_BYTES, utf8Decode, WebSocketOpcode } from 'rm-protocol';
import { unmask } from './unmask.ts';

export interface FrameHandler {
  /**
   * A message, or a piece of it ({@link FrameReaderOptions.pieces}), which belongs to the callee. `isLast`: the message ends
   * with it. The last piece may be empty.
   */
  message(bytes: Buffer, isBinary: boolean, isLast: boolean): void;
  ping(payload: Buffer): void;
  pong(): void;
  /** The last event. `code` is 1005 when the frame carried none (RFC 6455 section 7.1.5). */
  close(code: number, reason: string): void;
}

export interface FrameReaderOptions {
  /** Largest message, in bytes. */
  readonly messageBytes: number;
  /** `Limits.messageFragments`. */
  readonly messageFragments: number;
  /** `Limits.messageReads`. */
  readonly messageReads: number;
  /** Binary messages are handed on as their bytes come, without a copy. Otherwise whole, as text always is. */
  readonly pieces: boolean;
}

/** The client broke RFC 6455, or a bound. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  /** The close code to answer with (section 7.4.1). */
  readonly closeCode: number;

  constructor(message: string, closeCode = 1002) {
    super(message);
    this.closeCode = closeCode;
  }
}

const empty = Buffer.alloc(0);
/** The head that is being read, of whatever reader: no reader is called meanwhile. */
const head = Buffer.alloc(MAX_HEADER_BYTES);
const oversized = 1009;
const notUtf8 = 1007;
const policy = 1008;

/**
 * Reads the frames that a client sends (RFC 6455 section 5), cut anywhere. Unmasks them where they are. Throws
 * {@link FrameError}, and reads nothing more after it or a close frame.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #options: FrameReaderOptions;
  /** What was read of a head that is cut. An idle connection has none: a buffer for each would cost 0.6 KiB. */
  #cutHead: Uint8Array | null = null;
  #have = 0;
  /** Bytes of the head, as far as is known. */
  #headBytes = 2;
  readonly #key = new Uint8Array(4);
  /** Bytes of payload that are still to come; -1 while the head comes. */
  #rest = -1;
  #reads = 0;
  #opcode = 0;
  #isFinal = true;
  /** Opcode of the message whose final frame has not ended; 0: none. */
  #message = 0;
  #messageBytes = 0;
  #fragments = 0;
  /** Fragments of the message that have ended. */
  #ended: Buffer[] = [];
  /** What is collected of the fragment under way, and of the control frame. */
  #collected: Buffer[] = [];
  #control: Buffer[] = [];
  #stopped = false;

  constructor(handler: FrameHandler, options: FrameReaderOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  /** Reads nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#ended = [];
    this.#collected = [];
    this.#control = [];
  }

  /** `bytes` belongs to the reader from now on. */
  push(bytes: Buffer): void {
    if (this.#stopped) return;
    let at = 0;
    try {
      if (this.#have > 0 || this.#rest > 0) this.#countRead();
      while (at < bytes.length && !this.#stopped) {
        if (this.#rest < 0) {
          at = this.#readHead(bytes, at);
          if (this.#rest === 0) this.#take(empty);
        } else {
          const end = Math.min(bytes.length, at + this.#rest);
          const piece = at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
          unmask(piece, this.#key);
          this.#rest -= piece.length;
          at = end;
          this.#take(piece);
        }
      }
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Another read for the frame under way. */
  #countRead(): void {
    this.#reads++;
    if (this.#reads >= this.#options.messageReads) throw new FrameError('too many reads for a frame', policy);
  }

  #readHead(bytes: Buffer, start: number): number {
    if (this.#cutHead) head.set(this.#cutHead);
    this.#cutHead = null;
    let at = start;
    while (at < bytes.length) {
      head[this.#have++] = bytes[at++] ?? 0;
      if (this.#have < this.#headBytes) continue;
      const length = (head[1] ?? 0) & 0x7f;
      if (this.#have === 2) {
        this.#checkStart(length);
        this.#headBytes = 6 + (length === 126 ? 2 : length === 127 ? 8 : 0);
      } else {
        this.#key.set(head.subarray(this.#headBytes - 4, this.#headBytes));
        this.#begin(length < 126 ? length : length === 126 ? head.readUInt16BE(2) : this.#longLength());
        return at;
      }
    }
    this.#cutHead = Uint8Array.prototype.slice.call(head, 0, this.#have);
    return at;
  }

  #checkStart(length: number): void {
    const [first = 0, second = 0] = head;
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0xf;
    const { continuation, text, binary, close, pong } = WebSocketOpcode;
    if ((first & 0x70) !== 0) throw new FrameError('reserved bit set');
    if (this.#opcode >= close) {
      if (this.#opcode > pong) throw new FrameError('reserved opcode');
      if (!this.#isFinal) throw new FrameError('fragmented control frame');
      if (length > MAX_CONTROL_BYTES) throw new FrameError('control frame too long');
    } else if (this.#opcode === continuation) {
      if (this.#message === 0) throw new FrameError('continuation without a message');
    } else if (this.#opcode !== text && this.#opcode !== binary) {
      throw new FrameError('reserved opcode');
    } else if (this.#message !== 0) {
      throw new FrameError('new message before the end of the last');
    }
    if ((second & 0x80) === 0) throw new FrameError('frame of a client without a mask');
  }

  #longLength(): number {
    const high = head.readUInt32BE(2);
    return high === 0 ? head.readUInt32BE(6) : Number.POSITIVE_INFINITY;
  }

  #begin(length: number): void {
    this.#have = 0;
    this.#headBytes = 2;
    this.#rest = length;
    this.#reads = 0;
    if (this.#opcode >= WebSocketOpcode.close) return;
    if (this.#opcode !== WebSocketOpcode.continuation) this.#message = this.#opcode;
    this.#messageBytes += length;
    const { messageBytes, messageFragments } = this.#options;
    if (this.#messageBytes > messageBytes) {
      throw new FrameError(`message of more than ${messageBytes} bytes`, oversized);
    }
    this.#fragments++;
    if (this.#fragments > messageFragments) throw new FrameError('too many fragments', policy);
  }

  /** The next bytes of the frame, unmasked. */
  #take(piece: Buffer): void {
    const frameEnds = this.#rest === 0;
    if (frameEnds) {
      this.#rest = -1;
      this.#reads = 0;
    }
    if (this.#opcode >= WebSocketOpcode.close) {
      this.#control.push(piece);
      if (frameEnds) this.#endControl(joined(this.#control.splice(0)));
      return;
    }
    const isBinary = this.#message === WebSocketOpcode.binary;
    const isLast = frameEnds && this.#isFinal;
    const streams = isBinary && this.#options.pieces;
    if (!streams && piece.length > 0) this.#collected.push(piece);
    if (isLast) {
      this.#message = 0;
      this.#messageBytes = 0;
      this.#fragments = 0;
    }
    if (streams) {
      if (isLast || piece.length > 0) this.#handler.message(piece, true, isLast);
    } else if (frameEnds && !isLast) {
      if (this.#collected.length > 0) this.#ended.push(copied(this.#collected.splice(0)));
    } else if (isLast) {
      const last = this.#collected.splice(0);
      const whole = joined(this.#ended.length === 0 ? last : [...this.#ended.splice(0), ...last]);
      if (!isBinary && !isUtf8(whole)) throw new FrameError('text is not UTF-8', notUtf8);
      this.#handler.message(whole, isBinary, true);
    }
  }

  #endControl(payload: Buffer): void {
    if (this.#opcode === WebSocketOpcode.ping) this.#handler.ping(payload);
    else if (this.#opcode === WebSocketOpcode.pong) this.#handler.pong();
    else this.#endClose(payload);
  }

  #endClose(payload: Buffer): void {
    if (payload.length === 1) throw new FrameError('close frame of one byte');
    const code = payload.length === 0 ? 1005 : payload.readUInt16BE();
    if (payload.length > 0 && !isCloseCode(code)) throw new FrameError(`close code ${code}`);
    if (!isUtf8(payload.subarray(2))) throw new FrameError('close reason is not UTF-8', notUtf8);
    this.stop();
    this.#handler.close(code, utf8Decode(payload.subarray(2)));
  }
}

/** In memory of its own: a view keeps all of its read, and each read costs more than its bytes, while the message lasts. */
function copied(pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) at += piece.copy(whole, at);
  return whole;
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? (pieces[0] ?? empty) : Buffer.concat(pieces);
}
