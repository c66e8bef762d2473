import type { Cancellable, Clock } from 'rm-protocol';
import { ChannelError, type LocalTunnel, TunnelLost } from 'rm-reflector/ports';
import { Channel, type ChannelLink } from '../../../../reflector-minimal/src/tunnels/channel.ts';
import { Liveness } from '../../../../reflector-minimal/src/websocket/liveness.ts';
import type { TunnelMessage } from './messages.ts';
import type { WireEnd } from './network.ts';

const keepAliveMs = 20_000;
const pongMs = 8_000;
const openMs = 10_000;

/** A tunnel at its node: channels of the reflector over a simulated connection. */
export class SimulatedTunnel implements LocalTunnel, ChannelLink {
  readonly id: string;
  readonly uid: string;
  readonly node = null;
  readonly generation: number;
  readonly address = '192.0.2.7';
  readonly properties = {};
  readonly maxFrame = 65_536;
  readonly window = 262_144;
  readonly #wire: WireEnd;
  readonly #clock: Clock;
  readonly #channels = new Map<number, Channel>();
  readonly #ended: () => void;
  readonly #failed: (error: unknown) => void;
  readonly #liveness: Liveness;
  #lastNumber = 0;
  #live = true;

  constructor(
    { id, uid, generation }: { id: string; uid: string; generation: number },
    wire: WireEnd,
    clock: Clock,
    { ended, failed }: { ended(): void; failed(error: unknown): void },
  ) {
    this.id = id;
    this.uid = uid;
    this.generation = generation;
    this.#wire = wire;
    this.#clock = clock;
    this.#ended = ended;
    this.#failed = failed;
    this.#liveness = new Liveness(
      clock,
      keepAliveMs,
      { ping: () => wire.send({ kind: 'ping' }), pongMs },
      () => this.close(),
    );
  }

  get isLive(): boolean {
    return this.#live;
  }

  open(port: number, user?: string): Channel {
    if (!this.#live) throw new TunnelLost();
    const channel = new Channel(this, ++this.#lastNumber, port, user ?? null);
    this.#channels.set(channel.number, channel);
    const timer = this.#clock.schedule(openMs, () => {
      if (!channel.opened) channel.fail(ChannelError.timeout, 'not answered');
    });
    channel.once('close', () => timer.cancel());
    this.#wire.send({ kind: 'open', channel: channel.number });
    return channel;
  }

  evict(): void {
    this.close();
  }

  close(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#liveness.stop();
    this.#wire.reset();
    for (const channel of [...this.#channels.values()]) channel.onTunnelLost('the tunnel has ended');
    this.#channels.clear();
    this.#ended();
  }

  take(message: TunnelMessage): void {
    if (!this.#live) return;
    this.#liveness.seen();
    if (message.kind === 'ping') this.#wire.send({ kind: 'pong' });
    if (!('channel' in message)) return;
    const channel = this.#channels.get(message.channel);
    if (message.kind === 'confirm') channel?.onConfirm();
    else if (message.kind === 'data') channel?.onData(message.bytes);
    else if (message.kind === 'end') channel?.onClose();
  }

  ready(channel: Channel): void {
    while (
      channel.sendNext((_channel, pieces) =>
        this.#wire.send({ kind: 'data', channel: channel.number, bytes: Buffer.concat(pieces) }),
      )
    );
  }

  unready(): void {}

  afterLinger(run: () => void): Cancellable {
    return this.#clock.schedule(60_000, run);
  }

  sendClose({ number }: Channel): void {
    this.#wire.send({ kind: 'end', channel: number });
  }

  sendCredit(): void {}

  sendError({ number }: Channel): void {
    this.#wire.send({ kind: 'reset', channel: number });
    this.#channels.delete(number);
  }

  heldChanged(): void {}

  finished({ number }: Channel): void {
    this.#channels.delete(number);
  }

  failed(error: unknown): void {
    this.#failed(error);
  }
}
