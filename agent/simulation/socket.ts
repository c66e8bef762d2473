import type { Random } from '../../protocol/src/testing/random.ts';
import type { HostError, Socket, SocketHandler, TlsOptions, TlsSession } from '../src/host.ts';
import type { SimulatedClock } from './clock.ts';

/** What the sockets of one network share. */
export interface SimulatedPath {
  readonly clock: SimulatedClock;
  readonly random: Random;
  /** Milliseconds for one way; asked anew for each piece, which never overtake each other. */
  latency(): number;
  /** Bytes that the kernels on the way hold before a writer must wait. */
  readonly bufferBytes: number;
  /** A middlebox on the way drops a connection without a word when it was idle for longer, in milliseconds. */
  readonly forgetsAfterMs: number;
  /** Views whose callback is under way; they may be written on without a copy. */
  readonly received: Set<Uint8Array>;
}

/** What befalls a connection when it has carried this many bytes, those of TLS handshakes and of both directions included. */
export interface ConnectionFault {
  readonly afterBytes: number;
  /** A reset for both ends; the end of the stream for the one that dialled; or silence. */
  readonly kind: 'reset' | 'end' | 'silence';
}

/** The three flights of a TLS handshake. They are short, so that all ways in which one can be cut are soon tried. */
const TLS_FLIGHTS = [5, 20, 3];

/** How a listener answers a TLS handshake: with a session, with an error, or never. */
export type TlsAnswer = (options: TlsOptions) => TlsSession | HostError | 'silent';

interface Pending {
  readonly bytes: Uint8Array;
  start: number;
  readonly end: number;
}

const reset: HostError = { code: 'reset', message: 'connection reset' };

/**
 * One end of a simulated connection, by the rules of `host.ts`. It is as unkind as they allow: received views are
 * overwritten after the callback, bytes are cut anywhere, and what `write` returned false for is read late.
 */
export class SimulatedSocket implements Socket {
  handler: SocketHandler | null = null;
  tls: TlsAnswer | null = null;
  /** Nothing arrives any more, in either direction, and nobody is told: a NAT entry that was dropped. */
  cut = false;
  /** Of the end that has dialled. */
  fault: ConnectionFault | null = null;
  /** Bytes of both directions, as far as this end has seen them. */
  carried = 0;
  /** What this end sends does not arrive, and what the other end sends does. */
  mute = false;
  /** When anything last went either way. */
  #lastPacket: number;
  readonly #path: SimulatedPath;
  readonly #gone: (socket: SimulatedSocket) => void;
  #other: SimulatedSocket | null = null;
  #over = false;
  /** A fault has swallowed bytes and is about to show: what follows them must not arrive either. */
  #breaking = false;
  #queue: Pending[] = [];
  /** Index of the first in `#queue`; shift() of a long array is slow. */
  #first = 0;
  #queued = 0;
  #pumping = false;
  #inFlight = 0;
  #lastDelivery = 0;
  #inbox: Uint8Array[] = [];
  #paused = false;
  /** The requested size of the next piece. */
  #readBytes = Number.POSITIVE_INFINITY;
  #endAsked = false;
  #finSent = false;
  #finArrived = false;
  #finHanded = false;

  constructor(path: SimulatedPath, gone: (socket: SimulatedSocket) => void = () => undefined) {
    this.#path = path;
    this.#gone = gone;
    this.#lastPacket = path.clock.now();
  }

  join(other: SimulatedSocket): void {
    this.#other = other;
    other.#other = this;
  }

  get over(): boolean {
    return this.#over;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The other end. */
  get partner(): SimulatedSocket | null {
    return this.#other;
  }

  /** No byte can go to the other end any more, or come from there. */
  get isHarmed(): boolean {
    return [this, this.#other].some(
      (end) => end && (end.cut || end.mute || end.#over || end.#finSent || end.#finArrived),
    );
  }

  /** Bytes that were written and not taken. */
  get queued(): number {
    return this.#queued;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
    if (this.#over || this.#endAsked || start === end) return true;
    const copied = this.#path.received.has(bytes) || this.#path.random.chance(0.5);
    this.#queue.push(
      copied
        ? { bytes: new Uint8Array(bytes.subarray(start, end)), start: 0, end: end - start }
        : { bytes, start, end },
    );
    this.#queued += end - start;
    this.#pumpSoon();
    return copied;
  }

  end(): void {
    if (this.#over || this.#endAsked) return;
    this.#endAsked = true;
    this.#pumpSoon();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#path.clock.defer(0, () => this.#read());
  }

  readAtMost(bytes: number): void {
    this.#readBytes = bytes;
  }

  destroy(): void {
    if (this.#over) return;
    const orderly = this.#finSent && this.#finHanded;
    this.#close();
    const other = this.#other;
    if (other && !orderly) this.#deliver(() => other.fail(reset));
  }

  startTls(options: TlsOptions): void {
    this.#path.clock.defer(2 * this.#path.latency(), () => {
      if (this.#over || this.cut) return;
      for (const bytes of TLS_FLIGHTS) if (this.#carry(bytes) < bytes) return;
      const answer = this.tls?.(options) ?? {
        code: 'tls-protocol' as const,
        message: 'TLS failed: no TLS there',
      };
      if (answer === 'silent') return;
      if ('version' in answer) {
        this.handler?.secured?.(answer);
        return;
      }
      const other = this.#other;
      if (other) this.#deliver(() => other.fail(reset));
      this.fail(answer);
    });
  }

  /** Ends this end with an error, as the kernel would tell it. */
  fail(error: HostError | null): void {
    if (this.#over) return;
    const handler = this.handler;
    this.#close();
    handler?.closed(error);
  }

  /** Counts bytes that this end sends or receives; returns how many of them get through before a fault. */
  #carry(bytes: number): number {
    const { fault } = this;
    if (this.#breaking) return 0;
    this.carried += bytes;
    const beyond = fault ? this.carried - fault.afterBytes : 0;
    if (!fault || beyond < 0) return bytes;
    this.fault = null;
    this.#breaking = true;
    this.#path.clock.defer(0, () => this.#applyFault(fault.kind));
    return Math.max(0, bytes - beyond);
  }

  #applyFault(kind: ConnectionFault['kind']): void {
    this.#breaking = false;
    const other = this.#other;
    if (kind === 'silence') this.cut = true;
    else if (kind === 'reset') {
      other?.fail(reset);
      this.fail(reset);
    } else if (other && !this.#over) {
      other.mute = true;
      this.#finArrived = true;
      this.#read();
    }
  }

  #close(): void {
    this.#over = true;
    this.handler = null;
    this.#queue = [];
    this.#first = 0;
    this.#queued = 0;
    this.#inbox = [];
    this.#gone(this);
  }

  #deliver(run: () => void): void {
    const { clock } = this.#path;
    if (clock.now() - this.#lastPacket > this.#path.forgetsAfterMs) this.cut = true;
    if (this.cut || this.#other?.cut || this.mute) return;
    this.#lastPacket = clock.now();
    if (this.#other) this.#other.#lastPacket = clock.now();
    this.#lastDelivery = Math.max(this.#lastDelivery, clock.now() + this.#path.latency());
    clock.defer(this.#lastDelivery - clock.now(), () => {
      if (!this.cut && !this.#other?.cut) run();
    });
  }

  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#path.clock.defer(0, () => {
      this.#pumping = false;
      this.#pump();
    });
  }

  /** Moves bytes into the kernel as far as there is room, and the FIN behind the last. */
  #pump(): void {
    const other = this.#other;
    while (!this.#over && other) {
      const first = this.#queue[this.#first];
      const room = this.#path.bufferBytes - this.#inFlight;
      // No small pieces as long as larger ones are to come (RFC 9293 section 3.8.6.2.1).
      if (!first || room < Math.min(first.end - first.start, this.#path.bufferBytes / 4)) break;
      const count = Math.min(first.end - first.start, room);
      const piece = new Uint8Array(first.bytes.subarray(first.start, first.start + count));
      first.start += count;
      this.#queued -= count;
      if (first.start === first.end && ++this.#first > 1000) {
        this.#queue = this.#queue.slice(this.#first);
        this.#first = 0;
      }
      this.#inFlight += count;
      const through = piece.subarray(0, this.#carry(count));
      if (through.length > 0) this.#deliver(() => other.#arrive(through));
      this.handler?.taken(count);
    }
    if (this.#over || !other || this.#first < this.#queue.length || !this.#endAsked || this.#finSent) return;
    this.#finSent = true;
    this.#deliver(() => {
      other.#finArrived = true;
      other.#read();
    });
    this.#closeWhenBothEnded();
  }

  #arrive(piece: Uint8Array): void {
    const other = this.#other;
    if (this.#over) {
      if (other) this.#deliver(() => other.fail(reset));
      return;
    }
    const through = this.#carry(piece.length);
    if (through > 0) this.#inbox.push(piece.subarray(0, through));
    this.#read();
  }

  /** Hands over what has arrived, cut anywhere. */
  #read(): void {
    while (!this.#over && !this.#paused) {
      const piece = this.#inbox.shift();
      if (!piece) break;
      let count = piece.length;
      if (count > this.#readBytes && this.#path.random.chance(0.5)) count = this.#readBytes;
      if (count > 1 && this.#path.random.chance(0.2)) count = this.#path.random.integer(1, count - 1);
      if (count < piece.length) this.#inbox.unshift(piece.subarray(count));
      this.#hand(piece.subarray(0, count));
      const other = this.#other;
      if (other) this.#deliver(() => other.#readByPeer(count));
    }
    if (this.#over || this.#paused || !this.#finArrived || this.#finHanded || this.#inbox.length > 0) return;
    this.#finHanded = true;
    this.handler?.ended();
    this.#closeWhenBothEnded();
  }

  #hand(bytes: Uint8Array): void {
    const start = this.#path.random.integer(0, 3);
    // As Node does: a Buffer, of which slice() makes no copy.
    const buffer = Buffer.alloc(start + bytes.length + 2, 0xee);
    buffer.set(bytes, start);
    this.#path.received.add(buffer);
    this.handler?.data(buffer, start, start + bytes.length);
    this.#path.received.delete(buffer);
    buffer.fill(0xdd);
  }

  #readByPeer(count: number): void {
    this.#inFlight -= count;
    if (!this.#over) this.#pump();
  }

  #closeWhenBothEnded(): void {
    if (this.#finSent && this.#finHanded) this.#path.clock.defer(0, () => this.fail(null));
  }
}
