import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect } from 'vitest';
import type { WebSocket } from 'ws';
import { confirm, credit, open } from './frames.ts';
import { Mailbox, within } from './wait.ts';

export interface Closing {
  /** Close code that the agent sent (RFC 6455 section 7.4); 1005 without a code, 1006 without a close frame. */
  readonly code: number;
  readonly reason: string;
}

/**
 * The reflector's end of one tunnel, under a test's control. Frames of the agent are kept in order for each channel;
 * credit is kept apart, for it may arrive at any time.
 */
export class Tunnel {
  /** The connection below the WebSocket: for bytes that no proper WebSocket would send. */
  readonly socket: Duplex;
  readonly pings = new Mailbox<Buffer>('PING from the agent');
  readonly pongs = new Mailbox<Buffer>('PONG from the agent');
  /** Initial credit of a channel when the extension is in force, else 0. */
  readonly window: number;
  /** What a channel may still send to the agent. */
  readonly #credit = new Map<number, number>();
  readonly #granted = new Mailbox<number>('credit from the agent');
  readonly #frames = new Map<number, Mailbox<Buffer>>();
  /** Payload already taken out of its frame by {@link read} and not yet asked for. */
  readonly #rest = new Map<number, Buffer>();
  readonly #webSocket: WebSocket;
  readonly #closed: Promise<Closing>;
  #answersPings = true;

  constructor(webSocket: WebSocket, socket: Duplex, window: number) {
    this.#webSocket = webSocket;
    this.socket = socket;
    this.window = window;
    webSocket.binaryType = 'nodebuffer';
    webSocket.on('message', (bytes, isBinary) => {
      if (isBinary && Buffer.isBuffer(bytes)) this.#arrived(bytes);
      else this.#end('the agent sent a text message');
    });
    webSocket.on('ping', (payload) => {
      this.pings.put(payload);
      if (this.#answersPings) webSocket.pong(payload);
    });
    webSocket.on('pong', (payload) => this.pongs.put(payload));
    webSocket.on('error', (cause) => this.#end(cause.message));
    this.#closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        this.#end(`the tunnel is closed (${code})`);
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** The WebSocket is closed, in order or not. */
  get closed(): Promise<Closing> {
    return within(this.#closed, 'the tunnel to close');
  }

  /** Sends one frame as one binary message. */
  send(frame: Uint8Array): void {
    this.#webSocket.send(frame);
  }

  /** Sends one frame in pieces, as a fragmented message; `between` runs before each further piece. */
  sendFragments(pieces: readonly Uint8Array[], between: () => void = () => {}): void {
    pieces.forEach((piece, i) => {
      if (i > 0) between();
      this.#webSocket.send(piece, { binary: true, fin: i === pieces.length - 1 });
    });
  }

  sendText(text: string): void {
    this.#webSocket.send(text);
  }

  /** Sends payload in frames of `size` bytes, as fast as the connection takes it and the credit allows. */
  async sendData(channel: number, payload: Uint8Array, size: number): Promise<void> {
    for (let at = 0; at < payload.length; ) {
      const bytes = payload.subarray(at, at + (await this.#allowance(channel, size)));
      if (this.window > 0) this.#credit.set(channel, this.credit(channel) - bytes.length);
      this.send(Buffer.concat([Buffer.from([0, 0, channel >> 8, channel & 255]), bytes]));
      at += bytes.length;
      if (this.socket.writableNeedDrain) await within(once(this.socket, 'drain'), 'the agent to read');
    }
  }

  /** What the agent would take of a channel now, in bytes. */
  credit(channel: number): number {
    return this.#credit.get(channel) ?? this.window;
  }

  /** Waits for the next grant on any channel. */
  async granted(): Promise<void> {
    await this.#granted.next();
  }

  ping(payload: string): void {
    this.#webSocket.ping(payload);
  }

  /** Whether the agent has this tunnel, too: it may have given the attempt up before it was answered. */
  async established(): Promise<boolean> {
    this.ping('established?');
    try {
      await this.pongs.next();
      return true;
    } catch (error) {
      if (this.#webSocket.readyState === this.#webSocket.CLOSED) return false;
      throw error;
    }
  }

  /** From now on PINGs stay without an answer. */
  ignorePings(): void {
    this.#answersPings = false;
  }

  /** Starts the closing handshake. */
  close(code: number): void {
    this.#webSocket.close(code);
  }

  /** The next frame of a channel, credit aside. */
  frame(channel: number): Promise<Buffer> {
    return this.#mailbox(channel).next();
  }

  /** Frames of a channel that no one has asked for yet. */
  pending(channel: number): number {
    return this.#mailbox(channel).length;
  }

  /** Opens a channel and demands that it is confirmed. */
  async open(channel: number, port: number): Promise<void> {
    this.send(open(channel, port));
    await this.expect(confirm(channel));
  }

  /** Demands that the next frame of its channel is this one. */
  async expect(frame: Uint8Array): Promise<void> {
    const expected = Buffer.from(frame);
    const received = await this.frame(expected.readUInt16BE(2));
    expect(received.toString('hex')).toBe(expected.toString('hex'));
  }

  /** The next `length` bytes of payload of a channel; credit is given back for them when the extension is in force. */
  async read(channel: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = [this.#rest.get(channel) ?? Buffer.alloc(0)];
    let size = parts[0]?.length ?? 0;
    while (size < length) {
      const frame = await this.frame(channel);
      if (frame[0] !== 0)
        throw new Error(`data expected on channel ${channel}, not ${frame.toString('hex')}`);
      const payload = frame.subarray(4);
      if (this.window > 0) this.send(credit(channel, payload.length));
      parts.push(payload);
      size += payload.length;
    }
    const all = Buffer.concat(parts);
    this.#rest.set(channel, all.subarray(length));
    return all.subarray(0, length);
  }

  /** Demands that payload of a channel goes on with this text. */
  async expectText(channel: number, text: string): Promise<void> {
    expect((await this.read(channel, Buffer.byteLength(text))).toString()).toBe(text);
  }

  /** Ends the connection without a closing handshake. */
  drop(): void {
    this.#webSocket.terminate();
  }

  async #allowance(channel: number, size: number): Promise<number> {
    if (this.window === 0) return size;
    while (this.credit(channel) === 0) await this.granted();
    return Math.min(size, this.credit(channel));
  }

  #arrived(frame: Buffer): void {
    const channel = frame.length < 4 ? 0 : frame.readUInt16BE(2);
    if (frame[0] === 0x20 && frame.length === 8) {
      this.#credit.set(channel, this.credit(channel) + frame.readUInt32BE(4));
      this.#granted.put(channel);
    } else {
      this.#mailbox(channel).put(frame);
    }
  }

  #mailbox(channel: number): Mailbox<Buffer> {
    let mailbox = this.#frames.get(channel);
    if (!mailbox) {
      mailbox = new Mailbox(`a frame of channel ${channel}`);
      this.#frames.set(channel, mailbox);
    }
    return mailbox;
  }

  #end(reason: string): void {
    for (const mailbox of [this.pings, this.pongs, this.#granted, ...this.#frames.values()]) {
      mailbox.end(reason);
    }
  }
}
