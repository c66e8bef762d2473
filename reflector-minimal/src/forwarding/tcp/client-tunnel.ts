import type { Duplex } from 'node:stream';
import { type Cancellable, type Clock, LEGACY_FRAME_BYTES, type Terms } from 'rm-protocol';
import type { Traffic } from '../../audit/audit.ts';
import type { Limits } from '../../limits.ts';
import type { DeviceChannel } from '../../ports/presence.ts';
import type { ByteBudget } from '../../streams/byte-budget.ts';
import { Uplink } from '../../streams/uplink.ts';
import { Liveness } from '../../websocket/liveness.ts';
import { MessageWriter } from '../../websocket/message-writer.ts';
import type { ServerWebSocket } from '../../websocket/server-web-socket.ts';

export interface ClientTunnelOptions {
  readonly webSocket: ServerWebSocket;
  /** The socket under `webSocket`. */
  readonly socket: Duplex;
  /** Open. */
  readonly channel: DeviceChannel;
  /** With the extension, an empty message is a half-close, in either direction. */
  readonly terms: Terms;
  /**
   * The client is a page in a browser. It sends no PING, so it gets them. Its scripts see none: they may ask by a text message
   * `alive`, which is answered by the same.
   */
  readonly isPage: boolean;
  /** What the connection has carried is counted here. */
  readonly traffic: Traffic;
  /** What is read ahead of all users. */
  readonly readAhead: ByteBudget;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Called once. */
  readonly ended: () => void;
}

const normal = 1000;
/** A connection to a device was cut (RFC 6455 section 7.4.1). */
export const internalError = 1011;
const unsupported = 1003;
/** What is reported when no close frame came (RFC 6455 section 7.1.5). */
const connectionLost = 1006;
const nothing = new Uint8Array(0);
const alive = 'alive';

/** One TCP connection of a client: raw bytes in binary messages (`webtunnel.md` section 4). */
export class ClientTunnel {
  readonly #options: ClientTunnelOptions;
  readonly #writer: MessageWriter;
  /** Bytes that may wait for the kernel; below its own mark a stream does not say when it has drained. */
  readonly #queueBytes: number;
  #liveness: Liveness;
  readonly #uplink: Uplink;
  /** Nothing of the device follows any more. */
  #closing = false;
  #closeSent = false;
  /** Runs while the close frame waits for the client to take what is before it. */
  #stallTimer: Cancellable | null = null;
  #ended = false;
  /** The message of which pieces come has some already. */
  #inMessage = false;
  /** The page has asked by {@link alive}. */
  #asks = false;

  constructor(options: ClientTunnelOptions) {
    this.#options = options;
    this.#writer = new MessageWriter(options.socket);
    this.#queueBytes = Math.max(options.limits.userQueueBytes, options.socket.writableHighWaterMark);
    const { channel, limits, clock, webSocket, readAhead } = options;
    this.#uplink = new Uplink({
      channel,
      source: {
        pause: () => webSocket.pause(),
        resume: () => {
          // What the client has sent meanwhile is only read now.
          this.#liveness.seen();
          webSocket.resume();
        },
      },
      // A PONG that nobody asked for (RFC 6455 section 5.5.3) meets a closed connection with a reset, which the next one
      // finds; to a client that is there it means nothing. A page would take the silence for a dead link.
      probe: () => (this.#asks ? this.#sayAlive() : webSocket.pong()),
      limits,
      clock,
      total: readAhead,
    });
    this.#liveness = this.#watch();
    this.#listenToClient();
    this.#listenToDevice();
  }

  /** Sends a close frame and waits for nothing; the device's connection ends with it. Idempotent. */
  close(code: number): void {
    this.#options.channel.destroy();
    this.#sendClose(code);
  }

  #watch(): Liveness {
    const { clock, limits, terms, webSocket, isPage } = this.#options;
    const { pongMs } = limits;
    const quietMs = isPage ? pongMs : terms.keepAlive * 3000;
    // A client, too, may be of the original's kind, which answers no PINGs (`webtunnel.md` section 3).
    const probe = isPage ? { ping: () => webSocket.ping(), pongMs } : null;
    return new Liveness(clock, quietMs, probe, () => {
      // While the device takes nothing, neither PINGs nor answers are read. Then the uplink probes for a client that has gone.
      if (webSocket.isPaused) this.#liveness = this.#watch();
      else webSocket.terminate();
    });
  }

  #listenToClient(): void {
    const { webSocket, channel, terms, traffic, isPage } = this.#options;
    webSocket.on('message', (data, isBinary, isLast) => {
      this.#liveness.seen();
      const isEmpty = data.length === 0 && !this.#inMessage;
      this.#inMessage = !isLast;
      if (isPage && !isBinary && data.toString() === alive) {
        this.#asks = true;
        this.#sayAlive();
        return;
      }
      if (channel.destroyed || channel.writableEnded) return;
      if (isBinary) traffic.bytesTo += data.length;
      if (!isBinary) this.close(unsupported);
      else if (data.length > 0) this.#uplink.write(data);
      else if (isEmpty && terms.extension) channel.end();
    });
    webSocket.on('ping', () => this.#liveness.seen());
    webSocket.on('pong', () => this.#liveness.seen());
    webSocket.on('error', () => {});
    webSocket.on('close', (code) => this.#end(code !== connectionLost));
  }

  #listenToDevice(): void {
    const { channel, socket, terms, traffic } = this.#options;
    channel.on('data', (piece: Buffer) => {
      this.#liveness.seen();
      traffic.bytesFrom += piece.length;
      this.#send(piece);
      if (this.#writer.queued >= this.#queueBytes) channel.pause();
    });
    socket.on('drain', () => channel.resume());
    channel.on('end', () => {
      // Without the extension a close frame is all there is to say that the stream has ended.
      if (!terms.extension) this.#finish(normal);
      else if (!this.#closing) this.#message(nothing);
    });
    // Ended in both directions, or failed.
    channel.on('close', () => {
      this.#finish(channel.readableEnded && channel.writableFinished ? normal : internalError);
    });
  }

  #send(piece: Buffer): void {
    if (this.#closing) return;
    const maxMessage = this.#options.terms.extension?.maxFrame ?? LEGACY_FRAME_BYTES;
    if (piece.length <= maxMessage) {
      this.#message(piece);
      return;
    }
    const messages = Math.ceil(piece.length / maxMessage);
    this.#writer.begin(piece.length + 8 * messages);
    for (let at = 0; at < piece.length; at += maxMessage) {
      const part = piece.subarray(at, at + maxMessage);
      this.#writer.message(nothing, [part], part.length);
    }
    this.#writer.end();
  }

  #message(piece: Uint8Array): void {
    this.#writer.begin(0);
    this.#writer.message(nothing, [piece], piece.length);
    this.#writer.end();
  }

  /** For a page that has much to read, its data says the same. */
  #sayAlive(): void {
    if (!this.#closeSent && this.#writer.queued < this.#queueBytes) this.#options.webSocket.send(alive);
  }

  /**
   * The device sends nothing any more. The client may take what waits for it as slowly as it likes: the
   * connection would end `limits.closeMs` after the close frame was queued.
   */
  #finish(code: number): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#writer.queued === 0) {
      this.#sendClose(code);
      return;
    }
    // A client of the original sends no PING while it receives.
    this.#liveness.stop();
    this.#awaitProgress();
    this.#writer.whenTaken(() => this.#sendClose(code));
  }

  #awaitProgress(): void {
    const { clock, limits, webSocket } = this.#options;
    const before = this.#writer.queued;
    this.#stallTimer = clock.schedule(limits.userStallMs, () => {
      if (this.#writer.queued === before) webSocket.terminate();
      else this.#awaitProgress();
    });
  }

  #sendClose(code: number): void {
    if (this.#closeSent || this.#ended) return;
    this.#closing = true;
    this.#closeSent = true;
    this.#stallTimer?.cancel();
    const { webSocket } = this.#options;
    this.#uplink.stop();
    webSocket.resume();
    webSocket.close(code);
  }

  /** `inOrder`: the client has sent a close frame, so that what it sent before is to reach the device. */
  #end(inOrder: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closing = true;
    this.#liveness.stop();
    this.#stallTimer?.cancel();
    this.#uplink.stop();
    const { channel } = this.#options;
    channel.resume();
    if (inOrder) this.#uplink.leave();
    else channel.destroy();
    // Until then the device's connection counts among those of its user.
    if (channel.closed) this.#options.ended();
    else channel.once('close', () => this.#options.ended());
  }
}
