import type { Duplex } from 'node:stream';
import {
  type Cancellable,
  type Clock,
  type Extension,
  encodeBare,
  encodeCredit,
  encodeWord,
  FrameDecoder,
  type FrameHandler,
  LEGACY_FRAME_BYTES,
  Opcode,
  type Property,
  type Terms,
} from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { ChannelError, TunnelFull, TunnelLost } from '../ports/channel-failure.ts';
import type { TunnelEnd, TunnelEndCause } from '../ports/tunnel-end.ts';
import { Liveness } from '../websocket/liveness.ts';
import type { ServerWebSocket } from '../websocket/server-web-socket.ts';
import { BufferBound } from './buffer-bound.ts';
import { Channel, type ChannelLink } from './channel.ts';
import { FrameSender } from './frame-sender.ts';
import type { HeldBytes } from './held-bytes.ts';

export interface TunnelOptions {
  readonly webSocket: ServerWebSocket;
  /** The socket under `webSocket`. */
  readonly socket: Duplex;
  readonly terms: Terms;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Shared by all tunnels. */
  readonly held: HeldBytes;
  readonly events: TunnelEvents;
}

export interface TunnelEvents {
  properties(properties: readonly Property[]): void;
  /** Payload bytes have passed, in either direction. */
  carried(bytes: number): void;
  /** The tunnel carries nothing any more; called once. */
  ended(end: TunnelEnd): void;
  /** The peer sent something after {@link DeviceTunnel.replace}: it is alive beside its successor. */
  aliveThoughReplaced(): void;
  /** The device did something wrong; for the log. */
  misbehaved(what: string): void;
  /** A fault of ours has cost a channel. */
  failed(error: unknown): void;
}

interface OpenChannel {
  readonly channel: Channel;
  readonly openTimer: Cancellable;
  readonly asked: number;
}

/** Shared by all tunnels without entries, and never written to. */
const empty = new Map<number, never>();

/** WebSocket close codes (RFC 6455 section 7.4.1). */
const unsupported = 1003;
const policy = 1008;

/** One live tunnel: assigns channel numbers, dispatches frames, ends with its connection. */
export class DeviceTunnel implements ChannelLink {
  readonly extension: Extension | null;
  readonly maxFrame: number;
  readonly window: number | null;
  /** Payload bytes from and to the device since the tunnel began. */
  bytesFrom = 0;
  bytesTo = 0;
  /** Why it has ended. */
  end: TunnelEnd | undefined;
  readonly #webSocket: ServerWebSocket;
  readonly #sender: FrameSender;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #events: TunnelEvents;
  readonly #liveness: Liveness;
  readonly #all: HeldBytes;
  /** `null`: nothing was ever held. Most tunnels are idle. */
  #held: BufferBound | null = null;
  /** Both maps are {@link empty} until the first entry: most tunnels are idle. */
  #channels: Map<number, OpenChannel> = empty;
  /** Channels given up before the device has answered. The answer frees the number. The value is the error to send. */
  #abandoned: Map<number, number> = empty;
  #live = true;
  #replaced = false;
  #lastNumber = 0;
  #violations = 0;

  constructor({ webSocket, socket, terms, limits, clock, held, events }: TunnelOptions) {
    const { extension } = terms;
    const keepAliveMs = terms.keepAlive * 1000;
    this.extension = extension;
    this.maxFrame = extension?.maxFrame ?? LEGACY_FRAME_BYTES;
    this.window = extension?.window ?? null;
    this.#webSocket = webSocket;
    this.#sender = new FrameSender({
      socket,
      maxFrame: this.maxFrame,
      queueBytes: limits.tunnelQueueBytes,
      sent: (bytes) => this.#noteSent(bytes),
    });
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
    this.#all = held;
    // A peer with the extension sends a PING after the keep-alive time; we send one only when that does not come. An original
    // agent is given up after three keep-alive times: it would have dialled again after two.
    this.#liveness = extension
      ? new Liveness(clock, keepAliveMs * 1.25, { ping: () => this.#ping(), pongMs: limits.pongMs }, () =>
          this.#drop('silent', 'no sign of life'),
        )
      : new Liveness(clock, keepAliveMs * 3, null, () => this.#drop('silent', 'no sign of life'));
    this.#listen();
  }

  get live(): boolean {
    return this.#live;
  }

  get channels(): number {
    return this.#channels.size;
  }

  /**
   * Opens a TCP connection to `port` on the device. The channel may be written to at once; it emits `open`, or fails with
   * `ChannelFailure`. `user`: `uid` of the user for whom it is. Throws {@link TunnelLost} or {@link TunnelFull}.
   */
  open(port: number, user: string | null = null): Channel {
    if (!this.#live) throw new TunnelLost();
    if (this.#channels.size + this.#abandoned.size >= this.#limits.channelsPerTunnel) throw new TunnelFull();
    do this.#lastNumber = (this.#lastNumber % 0xffff) + 1;
    while (this.#channels.has(this.#lastNumber) || this.#abandoned.has(this.#lastNumber));
    const channel = new Channel(this, this.#lastNumber, port, user);
    const openTimer = this.#clock.schedule(this.#limits.openMs, () =>
      channel.fail(ChannelError.timeout, 'the device has not answered the open request'),
    );
    if (this.#channels === empty) this.#channels = new Map();
    this.#channels.set(channel.number, { channel, openTimer, asked: this.#clock.now() });
    this.#control(encodeWord(Opcode.openRequest, channel.number, port));
    return channel;
  }

  /** Ports that the device was asked to open and has not answered, each with the ms for which it has not and the `uid` of the user. */
  get unanswered(): { readonly port: number; readonly user: string | null; readonly ms: number }[] {
    const now = this.#clock.now();
    return [...this.#channels.values()]
      .filter(({ channel }) => !channel.opened)
      .map(({ channel, asked }) => ({ port: channel.port, user: channel.user, ms: now - asked }));
  }

  /** Ends the tunnel with a close frame, which carries the reason. Idempotent. */
  close(code: number, end: TunnelEnd): void {
    this.#end(end);
    this.#webSocket.resume();
    this.#webSocket.close(code, end.reason);
  }

  /** Ends the tunnel because the same device has a newer one. */
  replace(code: number): void {
    this.#replaced = true;
    this.close(code, { cause: 'replaced', reason: 'replaced by a newer tunnel of this device' });
  }

  // --- ChannelLink ---

  failed(error: unknown): void {
    this.#events.failed(error);
  }

  afterLinger(run: () => void): Cancellable {
    return this.#clock.schedule(this.#limits.lingerMs, run);
  }

  ready(channel: Channel): void {
    this.#sender.ready(channel);
  }

  unready(channel: Channel): void {
    this.#sender.unready(channel);
  }

  sendClose(channel: Channel): void {
    this.#control(encodeBare(Opcode.close, channel.number));
  }

  sendCredit(channel: Channel, bytes: number): void {
    this.#control(encodeCredit(channel.number, bytes));
  }

  sendError(channel: Channel, error: number): void {
    if (!channel.opened && this.#channels.has(channel.number)) {
      if (this.#abandoned === empty) this.#abandoned = new Map();
      this.#abandoned.set(channel.number, error);
    } else this.#control(encodeWord(Opcode.error, channel.number, error));
    this.finished(channel);
  }

  heldChanged(channel: Channel, difference: number): void {
    this.#held ??= this.#bound();
    this.#held.changed(channel, difference);
  }

  #bound(): BufferBound {
    return new BufferBound({
      windows: this.window !== null,
      limits: this.#limits,
      clock: this.#clock,
      all: this.#all,
      pause: () => this.#webSocket.pause(),
      resume: () => this.#webSocket.resume(),
    });
  }

  finished(channel: Channel): void {
    const entry = this.#channels.get(channel.number);
    if (entry?.channel !== channel) return;
    entry.openTimer.cancel();
    this.#channels.delete(channel.number);
  }

  // --- receiving ---

  #listen(): void {
    const decoder = new FrameDecoder(new DeviceTunnel.#Frames(this), {
      // What an original agent may send is not bounded by what it can take.
      frameBytes: this.extension?.maxFrame ?? this.#limits.maxFrame,
      propertiesBytes: this.#limits.propertiesBytes,
    });
    const webSocket = this.#webSocket;
    webSocket.on('message', (data, isBinary) => {
      if (this.#replaced) this.#provenAlive();
      if (!this.#live) return;
      this.#liveness.seen();
      if (isBinary) decoder.message(data);
      else this.close(unsupported, { cause: 'misbehaved', reason: 'text message' });
    });
    webSocket.on('ping', () => this.#liveness.seen());
    webSocket.on('pong', () => this.#liveness.seen());
    webSocket.on('error', (error) => this.#events.misbehaved(error.message));
    webSocket.on('close', (code) => {
      // Without a close frame from the peer the code is 1006.
      if (this.#replaced && code !== 1006) this.#provenAlive();
      this.#end(
        code === 1006
          ? { cause: 'lost', reason: 'connection lost' }
          : { cause: 'closed', reason: `closed by the device with ${code}` },
      );
    });
  }

  /** What is done with frames: one class, because functions for each tunnel would cost memory while it is idle. */
  static readonly #Frames = class implements FrameHandler {
    readonly #tunnel: DeviceTunnel;

    constructor(tunnel: DeviceTunnel) {
      this.#tunnel = tunnel;
    }

    data(number: number, bytes: Uint8Array, start: number, end: number): void {
      const tunnel = this.#tunnel;
      tunnel.bytesFrom += end - start;
      tunnel.#events.carried(end - start);
      // Nobody writes to this memory again, so a view may be kept.
      tunnel.#channel(number)?.onData(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start));
    }

    openConfirm(number: number): void {
      this.#tunnel.#answered(number, (found) => found.onConfirm());
    }

    openFault(number: number, error: number): void {
      this.#tunnel.#answered(number, (found) => found.onError(error), true);
    }

    close(number: number): void {
      this.#tunnel.#channel(number)?.onClose();
    }

    error(number: number, error: number): void {
      this.#tunnel.#abandoned.delete(number);
      this.#tunnel.#channel(number)?.onError(error);
    }

    credit(number: number, increment: number): void {
      this.#tunnel.#channel(number)?.onCredit(increment);
    }

    properties(properties: readonly Property[]): void {
      this.#tunnel.#events.properties(properties);
    }

    openRequest(number: number): void {
      this.#tunnel.#violation(number, 'open request from a device');
    }

    violation(number: number, what: string): void {
      this.#tunnel.#violation(number, what);
    }
  };

  /** A frame for a number without a channel was on its way when the channel ended. */
  #channel(number: number): Channel | undefined {
    return this.#channels.get(number)?.channel;
  }

  #answered(number: number, act: (channel: Channel) => void, refused = false): void {
    const error = this.#abandoned.get(number);
    if (error !== undefined) {
      this.#abandoned.delete(number);
      if (!refused) this.#control(encodeWord(Opcode.error, number, error));
      return;
    }
    const entry = this.#channels.get(number);
    if (!entry) return;
    entry.openTimer.cancel();
    act(entry.channel);
  }

  #violation(number: number, what: string): void {
    this.#events.misbehaved(what);
    this.#violations++;
    if (this.#violations > this.#limits.violationsPerTunnel) {
      this.close(policy, { cause: 'misbehaved', reason: 'too many invalid frames' });
      return;
    }
    const entry = this.#channels.get(number);
    if (entry) entry.channel.fail(ChannelError.violation, what);
  }

  // --- sending ---

  #control(frame: Uint8Array): void {
    this.#sender.control(frame);
    const { tunnelQueueBytes, tunnelBacklogBytes } = this.#limits;
    if (this.#live && this.#sender.queued > tunnelQueueBytes + tunnelBacklogBytes) {
      this.#events.misbehaved('takes no frames');
      this.#drop('misbehaved', 'the device does not read');
    }
  }

  #noteSent(bytes: number): void {
    this.bytesTo += bytes;
    this.#events.carried(bytes);
    // An original agent sends nothing while it only receives.
    if (this.window === null) this.#liveness.seen();
  }

  #ping(): void {
    if (this.#live) this.#webSocket.ping();
  }

  // --- the end ---

  #provenAlive(): void {
    this.#replaced = false;
    this.#events.aliveThoughReplaced();
  }

  /** Without a close frame: the device does not take any. */
  #drop(cause: TunnelEndCause, reason: string): void {
    this.#end({ cause, reason });
    this.#webSocket.terminate();
  }

  #end(end: TunnelEnd): void {
    if (!this.#live) return;
    this.#live = false;
    this.end = end;
    this.#liveness.stop();
    this.#held?.stop();
    this.#sender.stop();
    for (const { channel, openTimer } of [...this.#channels.values()]) {
      openTimer.cancel();
      channel.onTunnelLost(end.reason);
    }
    this.#channels.clear();
    this.#abandoned.clear();
    this.#events.ended(end);
  }
}
