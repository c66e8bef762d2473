import type { Duplex } from 'node:stream';
import { type Clock, encodeWord, Opcode } from 'rm-protocol';
import type { Limits } from '../limits.ts';
import { ChannelError, TunnelFull, TunnelLost } from '../ports/channel-failure.ts';
import type { DeviceChannel, LocalTunnel } from '../ports/presence.ts';
import type { HeldBytes } from '../tunnels/held-bytes.ts';
import type { Hello, NodeLife } from './hello.ts';
import { PeerConnection } from './peer-connection.ts';
import { PeerViolation } from './peer-violation.ts';
import { encodeUnavailable, type OpenRequest, Unavailable } from './relay-frame.ts';
import { ServedChannel } from './served-channel.ts';

export interface ServedPeerOptions {
  /** Connected, and its certificate verified. */
  readonly socket: Duplex;
  readonly node: NodeLife;
  readonly tunnels: ReadonlyMap<string, LocalTunnel>;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Of all peers. */
  readonly held: HeldBytes;
  /** The other node says who it is. Returns why it is not accepted, or `null`. */
  greeted(hello: Hello): string | null;
  lost(reason: string): void;
  faulty(error: unknown): void;
}

/** Another node that opens channels to the devices of this one. */
export class ServedPeer {
  readonly #options: ServedPeerOptions;
  readonly #connection: PeerConnection;
  readonly #channels = new Map<number, ServedChannel>();
  /** Open requests that are not answered. */
  #opening = 0;

  constructor(options: ServedPeerOptions) {
    this.#options = options;
    const { socket, node, limits, clock } = options;
    const channel = (number: number) => this.#channels.get(number)?.channel;
    const answer = () => {
      throw new PeerViolation('answer of a node that was asked nothing');
    };
    this.#connection = new PeerConnection({
      socket,
      node,
      limits,
      clock,
      // The tunnel of the device counts the same bytes.
      carried: () => {},
      events: {
        greeted: (hello) => options.greeted(hello),
        lives: () => {},
        open: (number, request) => this.#open(number, request),
        confirmed: answer,
        refused: answer,
        unavailable: answer,
        // A frame for a number without a channel was on its way when the channel ended.
        data: (number, piece) => channel(number)?.onData(piece),
        credit: (number, bytes) => channel(number)?.onCredit(bytes),
        closed: (number) => channel(number)?.onClose(),
        failed: (number, error) => channel(number)?.onError(error),
        lost: (reason) => this.#lost(reason),
        faulty: (error) => options.faulty(error),
      },
    });
  }

  get channels(): number {
    return this.#channels.size;
  }

  end(reason: string): void {
    this.#connection.end(reason);
  }

  #open(number: number, request: OpenRequest): void {
    if (this.#channels.has(number))
      throw new PeerViolation(`open request for channel ${number}, which is open`);
    const { limits } = this.#options;
    if (this.#channels.size >= limits.relayChannels || this.#opening >= limits.relayOpening) {
      this.#refuse(number, Unavailable.full);
      return;
    }
    const { id, uid, generation, port, user } = request;
    const tunnel = this.#options.tunnels.get(id);
    if (!tunnel || tunnel.uid !== uid || tunnel.generation !== generation) {
      this.#refuse(number, Unavailable.notHere);
      return;
    }
    let device: DeviceChannel;
    try {
      device = tunnel.open(port, user);
    } catch (error) {
      if (error instanceof TunnelLost) this.#refuse(number, Unavailable.notHere);
      else if (error instanceof TunnelFull) this.#refuse(number, Unavailable.full);
      else {
        this.#options.faulty(error);
        this.#connection.control(encodeWord(Opcode.openFault, number, ChannelError.socket));
      }
      return;
    }
    this.#serve(number, request, device);
  }

  #serve(number: number, request: OpenRequest, device: DeviceChannel): void {
    const { limits, clock, held, faulty } = this.#options;
    this.#opening++;
    const served = new ServedChannel({
      number,
      request,
      device,
      connection: this.#connection,
      held,
      afterLinger: (run) => clock.schedule(limits.lingerMs, run),
      afterLeaving: (run) => clock.schedule(limits.leftoverMs, run),
      answered: () => {
        this.#opening--;
      },
      finished: () => this.#channels.delete(number),
      faulty,
    });
    this.#channels.set(number, served);
  }

  #refuse(number: number, why: number): void {
    this.#connection.control(encodeUnavailable(number, why));
  }

  #lost(reason: string): void {
    for (const { channel } of [...this.#channels.values()]) channel.onTunnelLost(reason);
    this.#options.lost(reason);
  }
}
