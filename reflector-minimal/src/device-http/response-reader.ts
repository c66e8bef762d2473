import { InvalidAnswer } from './invalid-answer.ts';
import { expectStatusLine, type ResponseHead, readResponseHead, readTrailers } from './response-head.ts';

/** What a response consists of, in its order: any number of `interim`, `head`, pieces of `body`, `end`. */
export interface ResponseEvents {
  /** A response of status 1xx; another follows. */
  interim(head: ResponseHead): void;
  head(head: ResponseHead): void;
  /** A view of what was received. `last`: the length says that nothing follows. */
  body(piece: Buffer, last: boolean): void;
  /** The response is whole. `trailers`: names and values in turn. */
  end(trailers: readonly string[]): void;
  /** The device has taken an upgrade: what follows on the connection is of another protocol. */
  switched(head: ResponseHead): void;
}

export interface ReaderLimits {
  /** Bytes of a head, and of the trailers. */
  readonly responseHeadBytes: number;
  readonly headLines: number;
  /** Bytes of the line before a chunk, with its extensions. */
  readonly chunkLineBytes: number;
  readonly interimResponses: number;
}

type State = 'head' | 'length' | 'close' | 'chunkLine' | 'chunk' | 'chunkEnd' | 'trailers' | 'done';

const lf = 0x0a;
const cr = 0x0d;
const nothing: readonly string[] = [];

/**
 * Reads one response (RFC 9112) from bytes as they come, sans-IO; the same cut in any other places gives the same events.
 * Only {@link InvalidAnswer}, and what an event throws, leaves it.
 */
export class ResponseReader {
  readonly #requested: string;
  readonly #upgrade: boolean;
  readonly #limits: ReaderLimits;
  readonly #events: ResponseEvents;
  #state: State = 'head';
  /** Bytes of the body, or of the chunk, to come. */
  #left = 0;
  #interim = 0;
  /** CR and LF before a status line. */
  #blank = 0;
  readonly #partial = new Partial();
  /** Content of chunks that came in one piece. */
  readonly #chunks: Buffer[] = [];

  /** For the answer to a request with the method `requested`; `upgrade`: it asked for another protocol. */
  constructor(requested: string, upgrade: boolean, limits: ReaderLimits, events: ResponseEvents) {
    this.#requested = requested;
    this.#upgrade = upgrade;
    this.#limits = limits;
    this.#events = events;
  }

  /** The response is whole, or the protocol has changed: no more bytes are its own. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** How many of `bytes` belong to the response. */
  receive(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') at = this.#step(bytes, at);
    this.#passChunks();
    return at;
  }

  /** The device has ended its direction in order. False: in the middle of the response, or without any. */
  ended(): boolean {
    if (this.#state === 'head' && this.#partial.length > 0) {
      expectStatusLine(`${this.#partial.start()}\n`);
      throw new InvalidAnswer('its head has no end');
    }
    // Behind the last chunk there is nothing more to lose.
    if (this.#state === 'close' || this.#state === 'trailers') this.#end(nothing);
    return this.#state === 'done';
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#head(bytes, at);
      case 'length':
      case 'close':
      case 'chunk':
        return this.#body(bytes, at);
      case 'chunkLine':
        return this.#chunkLine(bytes, at);
      case 'chunkEnd':
        return this.#chunkEnd(bytes, at);
      case 'trailers':
        return this.#trailers(bytes, at);
      case 'done':
        return at;
    }
  }

  #head(bytes: Buffer, from: number): number {
    let at = from;
    // Some servers put an empty line before the status line (RFC 9112 section 2.2 has it of clients).
    while (this.#partial.length === 0 && (bytes[at] === cr || bytes[at] === lf)) {
      if (++this.#blank > 4) throw new InvalidAnswer('it begins with empty lines');
      at++;
    }
    if (at === bytes.length) return at;
    const end = this.#partial.endOfHead(bytes, at);
    if (end < 0) {
      this.#keep(bytes, at, this.#limits.responseHeadBytes, 'its head');
      expectStatusLine(this.#partial.start());
      return bytes.length;
    }
    const text = this.#whole(bytes, at, end, this.#limits.responseHeadBytes, 'its head');
    this.#begin(readResponseHead(text, this.#requested, this.#limits.headLines));
    return end;
  }

  #begin(head: ResponseHead): void {
    if (head.status === 101) {
      if (!this.#upgrade)
        throw new InvalidAnswer('it changes to another protocol, for which nobody has asked');
      this.#state = 'done';
      this.#events.switched(head);
    } else if (head.status < 200) {
      if (++this.#interim > this.#limits.interimResponses) {
        throw new InvalidAnswer(`it has more than ${this.#limits.interimResponses} interim responses`);
      }
      this.#events.interim(head);
    } else {
      this.#left = head.length;
      this.#state = head.framing === 'chunked' ? 'chunkLine' : head.framing === 'close' ? 'close' : 'length';
      this.#events.head(head);
      if (this.#state === 'length' && this.#left === 0) this.#end(nothing);
    }
  }

  #body(bytes: Buffer, at: number): number {
    const end = this.#state === 'close' ? bytes.length : Math.min(bytes.length, at + this.#left);
    const piece = at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end);
    this.#left -= piece.length;
    const whole = this.#state !== 'close' && this.#left === 0;
    if (this.#state === 'chunk') {
      this.#chunks.push(piece);
      if (whole) this.#state = 'chunkEnd';
      return end;
    }
    this.#events.body(piece, whole);
    if (whole) this.#end(nothing);
    return end;
  }

  /** Chunks of one byte each would cost a slow user's queue hundreds of times what they hold. */
  #passChunks(): void {
    const [first] = this.#chunks;
    if (!first) return;
    const piece = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks.length = 0;
    this.#events.body(piece, false);
  }

  #chunkLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(lf, at) + 1;
    const most = this.#limits.chunkLineBytes;
    if (end === 0) {
      this.#keep(bytes, at, most, 'a chunk line');
      return bytes.length;
    }
    const line = this.#whole(bytes, at, end, most, 'a chunk line');
    // Extensions mean nothing to anybody but the next hop (RFC 9112 section 7.1.1).
    const size = /^0*([0-9A-Fa-f]{1,12})[ \t]*(?:;|\r?\n$)/.exec(line)?.[1];
    if (size === undefined) throw new InvalidAnswer('a chunk has no size');
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
    return end;
  }

  #chunkEnd(bytes: Buffer, at: number): number {
    const first = bytes[at];
    const started = this.#partial.length > 0;
    if (first === lf) {
      this.#partial.clear();
      this.#state = 'chunkLine';
    } else if (first === cr && !started) {
      this.#partial.add(bytes, at, at + 1);
    } else {
      throw new InvalidAnswer('a chunk is longer than its size');
    }
    return at + 1;
  }

  #trailers(bytes: Buffer, at: number): number {
    const most = this.#limits.responseHeadBytes;
    const end = this.#partial.endOfTrailers(bytes, at);
    if (end < 0) {
      this.#keep(bytes, at, most, 'the part behind its body');
      return bytes.length;
    }
    const text = this.#whole(bytes, at, end, most, 'the part behind its body');
    this.#end(text.length > 2 ? readTrailers(text, this.#limits.headLines) : nothing);
    return end;
  }

  #end(trailers: readonly string[]): void {
    this.#passChunks();
    this.#state = 'done';
    this.#events.end(trailers);
  }

  #keep(bytes: Buffer, at: number, most: number, what: string): void {
    this.#bound(this.#partial.length + bytes.length - at, most, what);
    this.#partial.add(bytes, at, bytes.length);
  }

  #whole(bytes: Buffer, at: number, end: number, most: number, what: string): string {
    this.#bound(this.#partial.length + end - at, most, what);
    return this.#partial.takeWith(bytes, at, end);
  }

  #bound(length: number, most: number, what: string): void {
    if (length > most) throw new InvalidAnswer(`${what} has more than ${most} bytes`);
  }
}

/** The beginning of a head or line whose end has not come. */
class Partial {
  #bytes: Buffer | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(from: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (!this.#bytes || this.#bytes.length < length) {
      const larger = Buffer.allocUnsafe(Math.max(256, length * 2));
      this.#bytes?.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    from.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  clear(): void {
    this.#bytes = null;
    this.#length = 0;
  }

  /** What is kept, and what has come behind it, one character a byte. */
  takeWith(bytes: Buffer, start: number, end: number): string {
    const kept = this.#bytes?.toString('latin1', 0, this.#length) ?? '';
    this.clear();
    return kept + bytes.toString('latin1', start, end);
  }

  /** The first bytes, as far as they tell whether this is HTTP. */
  start(): string {
    return this.#bytes?.toString('latin1', 0, Math.min(this.#length, 256)) ?? '';
  }

  /** Where in `bytes` the head ends, behind its empty line; -1: not yet. */
  endOfHead(bytes: Buffer, start: number): number {
    for (let at = bytes.indexOf(lf, start); at >= 0; at = bytes.indexOf(lf, at + 1)) {
      if (this.#endsLine(bytes, start, at)) return at + 1;
    }
    return -1;
  }

  /** As {@link endOfHead}, of lines of which the first may be the empty one. */
  endOfTrailers(bytes: Buffer, start: number): number {
    if (this.#length === 0 && bytes[start] === lf) return start + 1;
    const first = this.#at(bytes, start, start);
    if (this.#length === 0 && first === cr && bytes[start + 1] === lf) return start + 2;
    if (this.#length === 1 && this.#bytes?.[0] === cr && bytes[start] === lf) return start + 1;
    return this.endOfHead(bytes, start);
  }

  /** The line that the LF at `at` ends is empty, and another was before it. */
  #endsLine(bytes: Buffer, start: number, at: number): boolean {
    const before = this.#at(bytes, start, at - 1);
    return before === lf || (before === cr && this.#at(bytes, start, at - 2) === lf);
  }

  #at(bytes: Buffer, start: number, at: number): number | undefined {
    return at >= start ? bytes[at] : this.#bytes?.[this.#length - (start - at)];
  }
}
