import { Duplex } from 'node:stream';
import { type Cancellable, ReceiveCredit, SendCredit } from 'rm-protocol';
import { Boundary } from '../boundary.ts';
import { ChannelError, ChannelFailure, TunnelLost } from '../ports/channel-failure.ts';
import { InboundQueue } from './inbound-queue.ts';
import { OutboundQueue } from './outbound-queue.ts';

/** The most credit that a sender may be given, in bytes. */
const MOST_CREDIT = 0x7fffffff;

/** What a channel needs of its tunnel. */
export interface ChannelLink {
  /** Largest payload of a frame in either direction. */
  readonly maxFrame: number;
  /** Credit of each direction at the start (`webtunnel.md` section 5); `null` for a peer without the extension. */
  readonly window: number | null;
  /** Bytes that each side collects before it grants credit for them; half a window unless told otherwise. */
  readonly grantBytes?: number;
  /** Calls `run` when a half-closed channel has waited long enough for the other half. */
  afterLinger(run: () => void): Cancellable;
  /** The channel has something to send by {@link Channel.sendNext}. */
  ready(channel: Channel): void;
  /** Cancels a call of {@link ready}. */
  unready(channel: Channel): void;
  sendClose(channel: Channel): void;
  sendCredit(channel: Channel, bytes: number): void;
  /** Sends an error frame, which ends the channel on the wire. While the channel opens, waits for the answer first. */
  sendError(channel: Channel, error: number): void;
  /** The channel buffers `difference` more (or fewer) bytes for its reader. */
  heldChanged(channel: Channel, difference: number): void;
  /** Ended on the wire in both directions: the number is free. */
  finished(channel: Channel): void;
  /** A fault of ours has ended the channel. */
  failed(error: unknown): void;
}

/**
 * One TCP connection on the device, as a stream. `end()` half-closes it, `destroy()` ends it with an error frame.
 *
 * Events of its own: `open` once the device has connected, `taken` when it has given credit.
 */
export class Channel extends Duplex {
  readonly number: number;
  readonly port: number;
  /** `uid` of the user for whom it is; `null`: of the reflector itself. */
  readonly user: string | null;
  readonly #link: ChannelLink;
  readonly #boundary: Boundary;
  readonly #inbound = new InboundQueue();
  readonly #outbound = new OutboundQueue();
  #opened = false;
  readonly #sendCredit: SendCredit | null;
  readonly #receiveCredit: ReceiveCredit | null;
  /** Payload bytes that have come since `#held` was reckoned. */
  #arrived = 0;
  #held = 0;
  #settling = false;
  #sentClose = false;
  #receivedClose = false;
  #endedOnWire = false;
  /** Reported to the reader after everything that came before. */
  #failure: Error | null = null;
  #abortWith: number = ChannelError.socket;
  #written: (() => void) | null = null;
  #finalized: (() => void) | null = null;
  #linger: Cancellable | null = null;

  constructor(link: ChannelLink, number: number, port: number, user: string | null = null) {
    // The stream gets one piece at a time; the rest waits in our own queue, where it is counted.
    super({ readableHighWaterMark: 1, writableHighWaterMark: Math.max(link.maxFrame, 16384) });
    this.number = number;
    this.port = port;
    this.user = user;
    this.#link = link;
    this.#sendCredit = link.window === null ? null : new SendCredit(link.window, MOST_CREDIT);
    this.#receiveCredit = link.window === null ? null : new ReceiveCredit(link.window, link.grantBytes);
    this.#boundary = new Boundary(
      () => this.destroy(),
      (error) => link.failed(error),
    );
    this.#boundary.contain(this);
    // A channel may fail before its user can listen. The user learns of it by `close` at the latest.
    this.on('error', () => {});
  }

  /** Bytes that wait for their frame. */
  get queued(): number {
    return this.#outbound.bytes;
  }

  get opened(): boolean {
    return this.#opened;
  }

  /** Bytes received that the reader has not taken, when they were counted last. */
  get held(): number {
    return this.#held;
  }

  /** Bytes received that the reader has not taken yet. */
  get unread(): number {
    return this.#inbound.bytes + this.readableLength;
  }

  /** Bytes sent that the device has certainly not taken. It gives no credit before that comes to `grantBytes`. */
  get untaken(): number {
    const { window, grantBytes } = this.#link;
    if (window === null) return 0;
    return Math.max(0, window - this.#credit - (grantBytes ?? Math.ceil(window / 2)));
  }

  // --- from the wire ---

  onConfirm(): void {
    if (this.#opened || this.#endedOnWire) return;
    this.#opened = true;
    if (this.destroyed) return;
    this.emit('open');
    if (this.#outbound.bytes > 0) this.#link.ready(this);
    else if (this.#finalized) this.#sendClose();
  }

  /** `piece` is kept: its memory must not change afterwards. */
  onData(piece: Buffer): void {
    if (this.destroyed || this.#endedOnWire) return;
    if (!this.#opened) {
      this.fail(ChannelError.violation, 'the device sent data before it had confirmed');
      return;
    }
    this.#arrived += piece.length;
    if (this.#receivedClose || this.#receiveCredit?.spend(piece.length) === false) {
      const what = this.#receivedClose ? 'data after close' : 'more data than its window';
      this.fail(ChannelError.violation, `the device sent ${what}`);
      return;
    }
    if (this.#inbound.bytes === 0 && this.readableLength === 0) this.push(piece);
    else this.#inbound.add(piece);
    this.#settle();
  }

  onCredit(bytes: number): void {
    if (this.destroyed) return;
    if (this.#sendCredit?.grant(bytes) === false) {
      this.fail(ChannelError.violation, `the device gave more than ${MOST_CREDIT} bytes of credit`);
      return;
    }
    if (this.#outbound.bytes > 0) this.#link.ready(this);
    this.emit('taken');
  }

  onClose(): void {
    if (this.#receivedClose || this.#endedOnWire) return;
    if (!this.#opened) {
      this.fail(ChannelError.violation, 'the device closed before it had confirmed');
      return;
    }
    this.#receivedClose = true;
    if (this.#inbound.bytes === 0) this.push(null);
    this.#finishIfClosed();
  }

  /** An open fault or an error frame. What was received before is still delivered. */
  onError(error: number): void {
    if (this.#endedOnWire) return;
    this.#endOnWire();
    this.#failAfterData(new ChannelFailure(error, this.#opened ? 'open' : 'opening'));
  }

  onTunnelLost(reason?: string): void {
    this.onUnavailable(new TunnelLost(reason));
  }

  /** Nothing carries the channel any more, or nothing ever did. */
  onUnavailable(failure: Error): void {
    // Ended on the wire; the reader may still take what was received.
    if (this.#endedOnWire) return;
    this.#endOnWire();
    this.destroy(failure);
  }

  /** Ends the channel from our side with this error number. */
  fail(error: number, message?: string): void {
    this.#abortWith = error;
    this.destroy(new ChannelFailure(error, this.#opened ? 'open' : 'opening', message));
  }

  // --- to the wire, called by the tunnel when it is this channel's turn ---

  /** Hands one frame's payload to `write`; false when there is nothing more to send for now. */
  sendNext(write: (channel: Channel, pieces: readonly Buffer[], length: number) => void): boolean {
    const length = Math.min(this.#outbound.bytes, this.#credit, this.#link.maxFrame);
    if (length === 0 || !this.#opened || this.#endedOnWire) return false;
    this.#sendCredit?.spend(length);
    write(this, this.#outbound.take(length), length);
    if (this.#outbound.bytes === 0) {
      const done = this.#written;
      this.#written = null;
      done?.();
    }
    return this.#outbound.bytes > 0 && this.#credit > 0;
  }

  // --- the stream ---

  override _read(): void {
    this.#deliver();
    this.#settleSoon();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#send(done, chunk);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#send(done, ...chunks.map(({ chunk }) => chunk));
  }

  override _final(done: () => void): void {
    this.#finalized = done;
    if (this.#opened) this.#sendClose();
    if (!this.allowHalfOpen) this.#linger ??= this.#link.afterLinger(() => this.destroy());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#endedOnWire) {
      this.#link.sendError(this, this.#abortWith);
      this.#endedOnWire = true;
    }
    this.#link.unready(this);
    this.#inbound.clear();
    this.#outbound.clear();
    const held = this.#held;
    this.#held = 0;
    this.#link.heldChanged(this, -held);
    this.#linger?.cancel();
    done(error);
  }

  /** Payload bytes that the device lets us send. */
  get #credit(): number {
    return this.#sendCredit?.left ?? Number.POSITIVE_INFINITY;
  }

  #send(done: () => void, ...chunks: Buffer[]): void {
    for (const chunk of chunks) this.#outbound.add(chunk);
    if (this.#outbound.bytes === 0) {
      done();
      return;
    }
    this.#written = done;
    if (this.#opened) this.#link.ready(this);
  }

  #sendClose(): void {
    const done = this.#finalized;
    this.#finalized = null;
    if (!this.#endedOnWire && !this.#sentClose) {
      this.#sentClose = true;
      this.#link.sendClose(this);
      this.#finishIfClosed();
    }
    done?.();
  }

  #finishIfClosed(): void {
    if (this.#sentClose && this.#receivedClose) this.#endOnWire();
  }

  #endOnWire(): void {
    this.#endedOnWire = true;
    this.#link.finished(this);
  }

  #deliver(): void {
    while (this.#inbound.bytes > 0) {
      const piece = this.#inbound.take();
      if (!piece || !this.push(piece)) return;
    }
    if (this.#receivedClose) this.push(null);
    if (this.#failure) this.#failAfterData(this.#failure);
  }

  #failAfterData(failure: Error): void {
    this.#failure = failure;
    if (this.#inbound.bytes + this.readableLength === 0) this.destroy(failure);
  }

  /** Counts what the reader has taken since the last time. */
  #settle(): void {
    if (this.destroyed) return;
    const held = this.#inbound.bytes + this.readableLength;
    const difference = held - this.#held;
    const taken = this.#arrived - difference;
    this.#held = held;
    this.#arrived = 0;
    if (difference !== 0) this.#link.heldChanged(this, difference);
    if (this.#receiveCredit && !this.#receivedClose && !this.#endedOnWire) {
      const increment = this.#receiveCredit.taken(taken);
      if (increment > 0) this.#link.sendCredit(this, increment);
    }
    if (this.#failure) this.#failAfterData(this.#failure);
  }

  /** `_read` is called before the reader gets its piece; what it has taken is known only afterwards. */
  #settleSoon(): void {
    if (this.#settling || this.#held === 0) return;
    this.#settling = true;
    process.nextTick(() => {
      this.#settling = false;
      this.#boundary.run(() => this.#settle());
    });
  }
}
