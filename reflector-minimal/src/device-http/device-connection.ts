import type { Limits } from '../limits.ts';
import type { DeviceChannel } from '../ports/presence.ts';
import { ClosedEarly } from './call-failure.ts';
import type { DeviceCall } from './device-call.ts';
import { authenticatesConnection, encodeRequestHead } from './device-message.ts';
import { InvalidAnswer } from './invalid-answer.ts';
import { isStream, type ResponseHead } from './response-head.ts';
import { type ResponseEvents, ResponseReader } from './response-reader.ts';

/** What a connection tells its pool. */
export interface ConnectionEvents {
  /** The first byte of a first response: the device serves it beside the others. */
  heard(connection: DeviceConnection): void;
  /** It has no request any more. */
  released(connection: DeviceConnection): void;
  /** It ended without a response, or in the middle of one. */
  lost(connection: DeviceConnection, call: DeviceCall, error: Error): void;
  closed(connection: DeviceConnection): void;
}

/**
 * - `busy`: has a request
 * - `idle`: waits for the next one
 * - `closing`: our direction has ended
 * - `detached`: speaks another protocol now
 */
export type ConnectionPhase = 'busy' | 'idle' | 'closing' | 'detached' | 'closed';

/** One connection to a device: carries one request after the other, and each once. */
export class DeviceConnection {
  readonly channel: DeviceChannel;
  readonly owner: string;
  /** The only client of a connection that is authenticated by itself. */
  client: object | null = null;
  phase: ConnectionPhase = 'busy';
  /** When it became idle, by the pool's clock. */
  idleSince = 0;
  /** Responses that have come on it. */
  served = 0;
  /** Its present response is a stream that has no end of its own. */
  streams = false;
  /** A byte has come on it. */
  wasHeard = false;
  /** Somebody waits for it to close. */
  hurried = false;
  /** The device answers before it has taken the whole request, and may still have some to take when everything is sent. */
  takesLate = false;
  readonly #limits: Limits;
  readonly #events: ConnectionEvents;
  #call: DeviceCall | null = null;
  #reader: ResponseReader | null = null;
  /** A byte has come since the present request. */
  #heard = false;
  #switched: ResponseHead | null = null;
  #keepAlive = false;
  #error: Error | null = null;
  #writes = 0;
  /** What {@link moved} has seen. */
  #seen = { writes: 0, queued: 0, writable: 0, untaken: 0 };
  readonly #onData = (piece: Buffer) => this.#received(piece);
  readonly #onEnd = () => this.#deviceEnded();
  readonly #onOpen = () => this.#call?.bodyWanted();
  readonly #onDrain = () => this.#call?.drained();
  readonly #onTaken = () => this.#call?.progressed();
  readonly #onError = (error: Error) => {
    this.#error = error;
  };
  readonly #taken = () => {
    this.#writes++;
    this.#call?.progressed();
  };

  constructor(channel: DeviceChannel, owner: string, limits: Limits, events: ConnectionEvents) {
    this.channel = channel;
    this.owner = owner;
    this.#limits = limits;
    this.#events = events;
    channel.on('open', this.#onOpen).on('data', this.#onData).on('end', this.#onEnd);
    channel.on('drain', this.#onDrain).on('taken', this.#onTaken).on('error', this.#onError);
    channel.once('close', () => this.#closed());
  }

  /** Whether it has begun to answer the present request. */
  get heard(): boolean {
    return this.#heard;
  }

  get authenticated(): boolean {
    return this.client !== null;
  }

  /** All that was written has been sent, and the device has taken it as far as its credit tells. */
  get flushed(): boolean {
    return this.channel.writableLength === 0 && this.channel.untaken === 0;
  }

  /** Something was written or taken since the last call. */
  moved(): boolean {
    const seen = this.#seen;
    const { queued, writableLength, untaken } = this.channel;
    const sent = seen.writes !== this.#writes || seen.queued !== queued || seen.writable !== writableLength;
    const moved = sent || seen.untaken !== untaken;
    seen.writes = this.#writes;
    seen.queued = queued;
    seen.writable = writableLength;
    seen.untaken = untaken;
    return moved;
  }

  // --- the request ---

  carry(call: DeviceCall): void {
    const { message } = call;
    this.phase = 'busy';
    this.#call = call;
    this.#heard = false;
    this.streams = false;
    this.takesLate = false;
    this.#keepAlive = false;
    this.#reader = new ResponseReader(message.method, message.upgrade, this.#limits, this.#response);
    if (authenticatesConnection(message.headers, 'authorization')) this.client = message.client;
    // A device may end its direction and still read what it was sent.
    this.channel.allowHalfOpen = message.body !== 'none';
    call.carriedBy(this);
    this.channel.write(Buffer.from(encodeRequestHead(message), 'latin1'), this.#taken);
    this.moved();
    if (this.channel.opened) call.bodyWanted();
  }

  write(piece: Buffer): boolean {
    const { channel } = this;
    if (channel.destroyed || channel.writableEnded) return true;
    if (this.#call?.message.body !== 'chunked') return channel.write(piece, this.#taken);
    if (piece.length === 0) return true;
    channel.cork();
    channel.write(`${piece.length.toString(16)}\r\n`, 'latin1');
    channel.write(piece, this.#taken);
    const goOn = channel.write('\r\n', 'latin1');
    channel.uncork();
    return goOn;
  }

  endBody(trailers: readonly (readonly [name: string, value: string])[]): void {
    const { channel } = this;
    if (channel.destroyed || channel.writableEnded || this.#call?.message.body !== 'chunked') return;
    let end = '0\r\n';
    for (const [name, value] of trailers) end += `${name}: ${value}\r\n`;
    channel.write(Buffer.from(`${end}\r\n`, 'latin1'), this.#taken);
  }

  // --- the response ---

  readonly #response: ResponseEvents = {
    interim: (head) => this.#call?.interim(head),
    head: (head) => {
      this.#keepAlive = head.keepAlive;
      this.streams = isStream(head.headers);
      this.served++;
      const call = this.#call;
      this.takesLate = call !== null && head.status < 300 && !(call.requestEnded && this.flushed);
      if (call && authenticatesConnection(head.headers, 'www-authenticate'))
        this.client = call.message.client;
      call?.head(head);
    },
    body: (piece, last) => this.#call?.body(piece, last),
    end: (trailers) => this.#call?.responseEnd(trailers),
    switched: (head) => {
      this.#switched = head;
    },
  };

  #received(piece: Buffer): void {
    const call = this.#call;
    const reader = this.#reader;
    // Bytes on an idle connection answer no request. The next request would take them for its response.
    if (this.phase === 'idle') this.abort();
    if (!call || !reader || reader.done) return;
    this.#heard = true;
    if (!this.wasHeard) {
      this.wasHeard = true;
      this.#events.heard(this);
    }
    let used: number;
    try {
      used = reader.receive(piece);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (this.#switched) this.#detach(this.#switched, piece.subarray(used));
    else if (reader.done) {
      // What comes behind a response belongs to no request: the next one would take it for its answer.
      if (used < piece.length) this.#keepAlive = false;
      call.settle();
    }
  }

  #deviceEnded(): void {
    const call = this.#call;
    if (this.phase === 'idle') this.close();
    if (!call || !this.#reader) return;
    this.#keepAlive = false;
    let whole: boolean;
    try {
      whole = this.#reader.ended();
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (!whole) {
      const where = this.#heard ? 'in the middle of its answer' : 'without an answer';
      this.#fail(new ClosedEarly(`the device closed the connection ${where}`));
      return;
    }
    call.settle();
  }

  #fail(error: Error): void {
    const call = this.#call;
    this.#call = null;
    this.phase = 'closing';
    this.channel.destroy();
    if (!call) return;
    call.carriedBy(null);
    // Only what the device said: anything else is a fault of ours, and not to be hidden by trying again.
    if (call.responseEnded || error instanceof InvalidAnswer) call.fail(error);
    else this.#events.lost(this, call, error);
  }

  #closed(): void {
    this.phase = 'closed';
    this.#events.closed(this);
    if (this.#call) this.#fail(this.#error ?? new ClosedEarly('the connection was closed'));
  }

  #detach(head: ResponseHead, rest: Buffer): void {
    const call = this.#call;
    const { channel } = this;
    this.#call = null;
    this.phase = 'detached';
    channel.off('open', this.#onOpen).off('data', this.#onData).off('end', this.#onEnd);
    channel.off('drain', this.#onDrain).off('taken', this.#onTaken).off('error', this.#onError);
    channel.pause();
    channel.allowHalfOpen = true;
    call?.switched(head, channel, rest);
  }

  // --- afterwards ---

  /** The request and its response are through. */
  release(): void {
    const call = this.#call;
    this.#call = null;
    this.#reader = null;
    if (this.phase !== 'busy') return;
    // One that carried a body is not kept: the next of its kind could not use it, as it may not be sent twice.
    const goesOn = call?.message.body === 'none' || this.client !== null;
    const { channel } = this;
    // What has come behind the response and is still unread would answer the next request.
    const clean = channel.writable && !channel.destroyed && channel.unread === 0;
    if (this.#keepAlive && goesOn && clean) {
      this.phase = 'idle';
      this.takesLate = false;
    } else this.close();
    channel.resume();
    this.#events.released(this);
  }

  /** Ends our direction; the device is to end its own: within `limits.lingerMs`, unless it {@link takesLate}. */
  close(): void {
    if (this.phase === 'closed' || this.phase === 'closing') return;
    this.phase = 'closing';
    this.channel.allowHalfOpen = this.takesLate;
    this.channel.resume();
    this.channel.end();
  }

  /** Resets the connection. Its call, if any, learns nothing of it. */
  abort(): void {
    this.#call?.carriedBy(null);
    this.#call = null;
    if (this.phase !== 'closed') this.phase = 'closing';
    this.channel.destroy();
  }
}
