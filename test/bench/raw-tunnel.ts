import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Counter, type Stream } from './subject.ts';

/**
 * The reflector's end of a tunnel, made only to be fast: frames are built once and written as blocks; of what comes,
 * headers are read and payload is counted. It trusts its peer, which the scenarios have tested.
 */
export class RawTunnel {
  readonly socket: Socket;
  readonly frameBytes: number;
  /** Credit of each channel and direction; 0 without the extension. */
  readonly window: number;
  readonly #channels = new Map<number, RawChannel>();
  #nextChannel = 1;
  /** Start of a frame whose header is not complete yet. */
  #carry: Buffer = Buffer.alloc(0);
  /** Payload of the present frame that is still to come. */
  #skip = 0;
  #skipChannel: RawChannel | undefined;
  #drained: Promise<void> | null = null;

  constructor(socket: Socket, frameBytes: number, window: number, early: Buffer) {
    this.socket = socket;
    this.frameBytes = frameBytes;
    this.window = window;
    socket.on('data', (bytes) => this.#receive(bytes));
    if (early.length > 0) this.#receive(early);
  }

  async open(port: number): Promise<Stream> {
    const number = this.#nextChannel;
    this.#nextChannel = number === 0xffff ? 1 : number + 1;
    const channel = new RawChannel(this, number);
    this.#channels.set(number, channel);
    this.send([0x01, 0, number >> 8, number & 255, port >> 8, port & 255]);
    await channel.confirmed;
    return channel;
  }

  /** Waits, with all other channels, until the connection takes more. */
  drained(): Promise<void> {
    this.#drained ??= once(this.socket, 'drain').then(() => {
      this.#drained = null;
    });
    return this.#drained;
  }

  /** A short frame, as one message. */
  send(frame: readonly number[] | Buffer): void {
    this.socket.write(Buffer.concat([Buffer.of(0x82, frame.length), Buffer.from(frame)]));
  }

  release(number: number): void {
    this.#channels.delete(number);
  }

  #receive(bytes: Buffer): void {
    let at = 0;
    if (this.#carry.length > 0) {
      bytes = Buffer.concat([this.#carry, bytes]);
      this.#carry = Buffer.alloc(0);
    }
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const take = Math.min(this.#skip, bytes.length - at);
        this.#skip -= take;
        at += take;
        this.#skipChannel?.received(take);
        continue;
      }
      const next = this.#frame(bytes, at);
      if (next < 0) {
        this.#carry = bytes.subarray(at);
        return;
      }
      at = next;
    }
  }

  /** Reads a frame's headers at `at`; the index after them, or after the whole frame; -1 when bytes are missing. */
  #frame(bytes: Buffer, at: number): number {
    if (bytes.length - at < 2) return -1;
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const header = short < 126 ? 6 : short === 126 ? 8 : 14;
    const control = ((bytes[at] ?? 0) & 0x0f) !== 2;
    // A short frame is taken whole: all but data fits into 8 bytes.
    if (bytes.length - at < header + (short <= 8 || control ? short : 4)) return -1;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    const key = at + header - 4;
    const payload = at + header;
    const byte = (i: number) => (bytes[payload + i] ?? 0) ^ (bytes[key + (i & 3)] ?? 0);
    if (control) {
      if (((bytes[at] ?? 0) & 0x0f) === 9) {
        const pong = Buffer.from(Array.from({ length }, (_, i) => byte(i)));
        this.socket.write(Buffer.concat([Buffer.of(0x8a, length), pong]));
      }
      return payload + length;
    }
    const opcode = byte(0);
    const channel = this.#channels.get((byte(2) << 8) | byte(3));
    if (opcode === 0x00) {
      this.#skip = length - 4;
      this.#skipChannel = channel;
      return payload + 4;
    }
    if (opcode === 0x20) {
      channel?.granted(((byte(4) << 24) | (byte(5) << 16) | (byte(6) << 8) | byte(7)) >>> 0);
    } else if (opcode === 0x11) channel?.confirm();
    else if (opcode === 0x02) channel?.closed();
    else channel?.failed(`frame 0x${opcode.toString(16)} with ${byte(5)}`);
    return payload + length;
  }
}

class RawChannel implements Stream {
  readonly confirmed: Promise<void>;
  confirm: () => void = () => {};
  failed: (reason: string) => void = () => {};
  closed: () => void = () => {};
  readonly #tunnel: RawTunnel;
  readonly #number: number;
  readonly #counter = new Counter();
  readonly #remoteClosed: Promise<void>;
  #credit: number;
  #owed = 0;
  #awaitCredit: (() => void) | null = null;

  constructor(tunnel: RawTunnel, number: number) {
    this.#tunnel = tunnel;
    this.#number = number;
    this.#credit = tunnel.window;
    this.confirmed = new Promise((resolve, reject) => {
      this.confirm = resolve;
      this.failed = (reason) => reject(new Error(`channel ${number}: ${reason}`));
    });
    this.#remoteClosed = new Promise((resolve) => {
      this.closed = resolve;
    });
  }

  async send(bytes: number): Promise<void> {
    const { socket, frameBytes, window } = this.#tunnel;
    const frame = this.#dataFrame(Buffer.alloc(frameBytes, 'remote access '));
    const perBlock = Math.max(1, Math.floor((1 << 18) / frame.length));
    const block = Buffer.concat(Array.from({ length: perBlock }, () => frame));
    for (let frames = bytes / frameBytes; frames > 0; ) {
      let count = Math.min(frames, perBlock);
      if (window > 0) {
        while (this.#credit < frameBytes) await this.#moreCredit();
        count = Math.min(count, Math.floor(this.#credit / frameBytes));
        this.#credit -= count * frameBytes;
      }
      frames -= count;
      if (!socket.write(count === perBlock ? block : block.subarray(0, count * frame.length))) {
        await this.#tunnel.drained();
      }
    }
  }

  write(bytes: Uint8Array): void {
    this.#credit -= bytes.length;
    this.#tunnel.socket.write(this.#dataFrame(bytes));
  }

  receive(bytes: number): Promise<void> {
    return this.#counter.take(bytes);
  }

  async close(): Promise<void> {
    this.#tunnel.send([0x02, 0, this.#number >> 8, this.#number & 255]);
    await this.#remoteClosed;
    this.#tunnel.release(this.#number);
  }

  received(bytes: number): void {
    if (this.#tunnel.window > 0) {
      this.#owed += bytes;
      if (this.#owed * 2 >= this.#tunnel.window) {
        const grant = Buffer.alloc(8);
        grant[0] = 0x20;
        grant.writeUInt16BE(this.#number, 2);
        grant.writeUInt32BE(this.#owed, 4);
        this.#owed = 0;
        this.#tunnel.send(grant);
      }
    }
    this.#counter.add(bytes);
  }

  granted(bytes: number): void {
    this.#credit += bytes;
    const wake = this.#awaitCredit;
    this.#awaitCredit = null;
    wake?.();
  }

  #moreCredit(): Promise<void> {
    return new Promise((resolve) => {
      this.#awaitCredit = resolve;
    });
  }

  #dataFrame(payload: Uint8Array): Buffer {
    const length = payload.length + 4;
    const header = Buffer.alloc(length < 126 ? 6 : length < 0x10000 ? 8 : 14);
    header[0] = 0x82;
    if (length < 126) header[1] = length;
    else if (length < 0x10000) {
      header[1] = 126;
      header.writeUInt16BE(length, 2);
    } else {
      header[1] = 127;
      header.writeUInt32BE(length, 6);
    }
    header.writeUInt16BE(this.#number, header.length - 2);
    return Buffer.concat([header, payload]);
  }
}
