import { type Cancellable, encodeBare, encodeCredit, encodeWord, Opcode } from 'rm-protocol';
import { ChannelError, ChannelFailure, TunnelLost } from '../ports/channel-failure.ts';
import type { DeviceChannel } from '../ports/presence.ts';
import { Channel, type ChannelLink } from '../tunnels/channel.ts';
import type { HeldBytes } from '../tunnels/held-bytes.ts';
import type { PeerConnection } from './peer-connection.ts';
import { encodeUnavailable, type OpenRequest, relayTerms, Unavailable } from './relay-frame.ts';

export interface ServedChannelOptions {
  readonly number: number;
  readonly request: OpenRequest;
  /** The channel to the device, of which nothing has been read or written. */
  readonly device: DeviceChannel;
  readonly connection: Pick<PeerConnection, 'control' | 'ready' | 'unready'>;
  readonly held: HeldBytes;
  afterLinger(run: () => void): Cancellable;
  /** Calls `run` when the device has had long enough to take what a finished channel has left. */
  afterLeaving(run: () => void): Cancellable;
  /** The other node has its answer. Called once. */
  answered(): void;
  /** The number is free. Called once. */
  finished(): void;
  faulty(error: unknown): void;
}

/**
 * A channel to a device of this process that another node has asked for: joins the channel of the relay with that of the device.
 * Each reads only as fast as the other takes, so the windows of both bound what waits here.
 */
export class ServedChannel implements ChannelLink {
  readonly maxFrame = relayTerms.maxFrame;
  readonly window = relayTerms.window;
  readonly grantBytes = relayTerms.grantBytes;
  /** Towards the other node. */
  readonly channel: Channel;
  readonly #options: ServedChannelOptions;
  readonly #device: DeviceChannel;
  #answered = false;
  #failure: Error | null = null;

  constructor(options: ServedChannelOptions) {
    const { number, request, device } = options;
    this.#options = options;
    this.#device = device;
    const channel = new Channel(this, number, request.port, request.user ?? null);
    this.channel = channel;
    device.once('open', () => this.#opened());
    device.on('error', (error: Error) => {
      this.#failure = error;
    });
    device.once('close', () => this.#deviceClosed());
    channel.on('error', (error: Error) => this.#resetDevice(error));
    channel.once('close', () => {
      if (!device.destroyed) this.#leaveDevice();
    });
  }

  // --- ChannelLink ---

  ready(channel: Channel): void {
    this.#options.connection.ready(channel);
  }

  unready(channel: Channel): void {
    this.#options.connection.unready(channel);
  }

  afterLinger(run: () => void): Cancellable {
    return this.#options.afterLinger(run);
  }

  sendClose({ number }: Channel): void {
    this.#options.connection.control(encodeBare(Opcode.close, number));
  }

  sendCredit({ number }: Channel, bytes: number): void {
    this.#options.connection.control(encodeCredit(number, bytes));
  }

  sendError({ number }: Channel, error: number): void {
    const opcode = this.#answered ? Opcode.error : Opcode.openFault;
    this.#answer();
    this.#options.connection.control(encodeWord(opcode, number, error));
    this.#options.finished();
  }

  heldChanged(channel: Channel, difference: number): void {
    this.#options.held.changed(channel, difference);
    if (difference > 0)
      this.#options.held.relieve(ChannelError.timeout, 'the device is slow, and too much waits for it');
  }

  finished({ number }: Channel): void {
    // The other node has given it up, and waits for an answer before it uses the number again.
    if (!this.#answered)
      this.#options.connection.control(encodeWord(Opcode.openFault, number, ChannelError.socket));
    this.#answer();
    this.#options.finished();
  }

  failed(error: unknown): void {
    this.#options.faulty(error);
  }

  // --- the two sides ---

  #answer(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#options.answered();
  }

  #opened(): void {
    const { channel } = this;
    const device = this.#device;
    if (channel.destroyed) return;
    this.#answer();
    this.#options.connection.control(encodeBare(Opcode.openConfirm, channel.number));
    channel.onConfirm();
    device.on('data', (piece: Buffer) => {
      if (!channel.destroyed && !channel.write(piece)) device.pause();
    });
    channel.on('drain', () => device.resume());
    device.on('end', () => channel.end());
    channel.on('data', (piece: Buffer) => {
      if (!device.destroyed && !device.write(piece)) channel.pause();
    });
    device.on('drain', () => channel.resume());
    channel.on('end', () => device.end());
  }

  #resetDevice(error: Error): void {
    const device = this.#device;
    // A port has no way to say which number; the local tunnel has.
    if (error instanceof ChannelFailure && device instanceof Channel) device.fail(error.error);
    else device.destroy();
  }

  /** The other node is through with it. What it has sent may wait for the device yet. */
  #leaveDevice(): void {
    const device = this.#device;
    if (!device.readableEnded || !device.writableEnded) {
      device.destroy();
      return;
    }
    const timer = this.#options.afterLeaving(() => device.destroy());
    device.once('close', () => timer.cancel());
  }

  /** Ended in both directions, or failed. */
  #deviceClosed(): void {
    const { channel } = this;
    const failure = this.#failure;
    if (channel.destroyed || (!failure && channel.writableEnded)) return;
    if (failure instanceof TunnelLost) {
      this.#answer();
      this.#options.connection.control(encodeUnavailable(channel.number, Unavailable.lost, failure.message));
      channel.onUnavailable(failure);
      return;
    }
    const error = failure instanceof ChannelFailure ? failure.error : ChannelError.socket;
    const fail = () => channel.fail(error);
    // What the device has sent before comes first.
    if (!channel.opened || channel.writableFinished) fail();
    else if (channel.writableEnded) channel.once('finish', fail);
    else channel.write(Buffer.alloc(0), fail);
  }
}
