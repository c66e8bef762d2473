import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import {
  type Cancellable,
  type Clock,
  closePayload,
  ProtocolError,
  WebSocketOpcode,
  WebSocketReader,
} from 'rm-protocol';
import { Failure, reasonOf } from '../failure.ts';
import type { Limits } from '../limits.ts';
import { Liveness } from './liveness.ts';
import { clientFrame } from './mask.ts';

export interface DeviceStreamOptions {
  /** Upgraded and paused. */
  readonly socket: Socket;
  /** `DEVICE port PORT`, for messages. */
  readonly name: string;
  /** With the extension, an empty message is a half-close, in either direction. */
  readonly extended: boolean;
  /** Largest message to the reflector, in bytes. */
  readonly maxMessage: number;
  /** Milliseconds of silence before a PING. */
  readonly keepAliveMs: number;
  readonly limits: Limits;
  readonly clock: Clock;
}

const nothing = new Uint8Array(0);
const normal = 1000;
const protocolError = 1002;

/** Meanings of the reflector's close codes. */
const endings: Readonly<Record<number, string>> = {
  1001: 'the reflector is being stopped',
  1008: 'access has ended: the token has expired or was revoked, or the account was changed',
  1009: 'the reflector does not take messages of this size',
  1011: 'the connection on the device broke',
};

/**
 * One TCP connection to a port of a device, in binary messages (`webtunnel.md` section 4). With the extension, `end`
 * half-closes it; without, a close frame ends both directions. It finishes when the reflector has closed it properly.
 * Errors are {@link Failure}s. Holds at most one read of the socket, 64 KiB, besides the high-water marks.
 */
export class DeviceStream extends Duplex {
  readonly #options: DeviceStreamOptions;
  readonly #socket: Socket;
  readonly #reader: WebSocketReader;
  readonly #liveness: Liveness;
  #messageBytes = 0;
  /** The device's direction has ended. */
  #remoteEnded = false;
  /** Our close frame is sent. Nothing may follow it (RFC 6455 section 5.5.1). */
  #closeSent = false;
  /** The reflector's close frame has arrived. */
  #closed = false;
  /** Called when the reflector has closed, after we have ended. */
  #finished: (() => void) | null = null;
  /** The PING to answer once the socket accepts data again. Only the last one matters (RFC 6455 section 5.5.3). */
  #pong: Uint8Array | null = null;
  #closeTimer: Cancellable | null = null;

  constructor(options: DeviceStreamOptions) {
    super({ allowHalfOpen: true, highWaterMark: options.limits.messageBytes });
    this.#options = options;
    const { socket, limits, clock, keepAliveMs } = options;
    this.#socket = socket;
    this.#reader = new WebSocketReader(
      {
        messageData: (bytes, start, end) => this.#data(bytes, start, end),
        messageEnd: () => this.#messageEnd(),
        pinged: (payload) => this.#answerPing(payload),
        ponged: () => this.#liveness.ponged(),
        closed: (code, reason) => this.#closedBy(code, reason),
      },
      limits.messageBytes,
    );
    this.#liveness = new Liveness({
      clock,
      silentMs: keepAliveMs,
      limits,
      ping: () => this.#send(WebSocketOpcode.ping, nothing),
      dead: () => this.#fail('the reflector has fallen silent'),
    });
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', (error) => this.#lost(reasonOf(error)));
    socket.on('end', () => this.#lost());
    socket.on('close', () => this.#lost());
  }

  override _read(): void {
    this.#liveness.paused = false;
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // After the reflector's close, nobody takes the data. The other direction reports the end, as with TCP.
    if (this.#closed || this.#closeSent) {
      done();
      return;
    }
    const { maxMessage } = this.#options;
    this.#socket.cork();
    for (let at = 0; at < bytes.length; at += maxMessage) {
      this.#send(WebSocketOpcode.binary, bytes.subarray(at, at + maxMessage));
    }
    this.#socket.uncork();
    this.#liveness.sent(bytes.length);
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', done);
    else done();
  }

  override _final(done: () => void): void {
    if (this.#closed) {
      done();
      return;
    }
    this.#finished = done;
    if (this.#options.extended) this.#send(WebSocketOpcode.binary, nothing);
    else this.#close(normal);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#liveness.stop();
    this.#closeTimer?.cancel();
    this.#reader.stop();
    if (this.#closed) this.#linger();
    else this.#socket.destroy();
    done(error);
  }

  // ---- from the reflector ----

  #receive(bytes: Buffer): void {
    this.#liveness.seen();
    try {
      this.#reader.push(bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#close(error.closeCode);
      this.#fail(`the reflector broke the protocol: ${error.message}`);
    }
  }

  #data(bytes: Uint8Array, start: number, end: number): void {
    this.#messageBytes += end - start;
    if (this.#remoteEnded) {
      this.#close(protocolError);
      this.#reader.stop();
      this.#fail('the reflector broke the protocol: data after the end');
      return;
    }
    // Node uses a new buffer for each read, so we may keep the piece.
    if (!this.push(bytes.subarray(start, end))) {
      this.#liveness.paused = true;
      this.#socket.pause();
    }
  }

  #messageEnd(): void {
    if (this.#options.extended && this.#messageBytes === 0) this.#endRemote();
    this.#messageBytes = 0;
  }

  #endRemote(): void {
    if (this.#remoteEnded) return;
    this.#remoteEnded = true;
    this.push(null);
    // No more data will come, but the close frame will.
    this.#liveness.paused = false;
    this.#socket.resume();
  }

  #answerPing(payload: Uint8Array): void {
    if (this.#socket.writableNeedDrain) {
      if (!this.#pong) this.#socket.once('drain', () => this.#sendPong());
      this.#pong = payload;
      return;
    }
    this.#pong = payload;
    this.#sendPong();
  }

  #sendPong(): void {
    if (this.#pong) this.#send(WebSocketOpcode.pong, this.#pong);
    this.#pong = null;
  }

  #closedBy(code: number, reason: string): void {
    this.#closed = true;
    this.#liveness.stop();
    this.#close(code === 1005 ? normal : code);
    this.#closeTimer?.cancel();
    // A close frame without a code also ends it: some servers send no code.
    if (code !== normal && code !== 1005) {
      this.#fail(endings[code] ?? `the reflector closed it with ${code}${reason && ` (${reason})`}`);
      return;
    }
    this.#endRemote();
    this.#finished?.();
    if (!this.#finished) {
      if (this.readableEnded) this.destroy();
      else this.once('end', () => this.destroy());
    }
  }

  // ---- to the reflector ----

  #send(opcode: number, payload: Uint8Array): void {
    if (!this.#closeSent && !this.#socket.destroyed) this.#socket.write(clientFrame(opcode, payload));
  }

  #close(code: number): void {
    if (this.#closeSent) return;
    this.#send(WebSocketOpcode.close, closePayload(code));
    this.#closeSent = true;
    const { clock, limits } = this.#options;
    this.#closeTimer?.cancel();
    this.#closeTimer = clock.schedule(limits.closeMs, () =>
      this.#fail('the reflector does not end the connection'),
    );
  }

  // ---- the end ----

  #lost(reason = 'connection closed'): void {
    if (!this.#closed) this.#fail(`the connection to the reflector broke: ${reason}`);
  }

  #fail(what: string): void {
    if (this.destroyed) return;
    const failure = new Failure(`${this.#options.name}: ${what}`);
    // The reader still gets what arrived before the device ended its direction.
    if (this.#remoteEnded && !this.readableEnded) this.once('end', () => this.destroy(failure));
    else this.destroy(failure);
  }

  /** After both close frames, the reflector ends the connection first (RFC 6455 section 7.1.1). */
  #linger(): void {
    const { limits, clock } = this.#options;
    const timer = clock.schedule(limits.lingerMs, () => this.#socket.destroy());
    this.#socket.once('close', () => timer.cancel());
    this.#socket.end();
    this.#socket.resume();
  }
}
