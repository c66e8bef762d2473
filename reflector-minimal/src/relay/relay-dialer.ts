import type { Logger } from 'pino';
import type { Clock } from 'rm-protocol';
import { containTimers } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import { TunnelFull, TunnelLost } from '../ports/channel-failure.ts';
import type { DeviceChannel } from '../ports/presence.ts';
import { HeldBytes } from '../tunnels/held-bytes.ts';
import { DialedChannel, type Place } from './dialed-channel.ts';
import type { NodeLife } from './hello.ts';
import { type ConnectPeer, type Peer, PeerLink } from './peer-link.ts';
import type { RelayTarget } from './relay-frame.ts';
import { type RelayTls, RelayTlsFiles } from './tls.ts';

export interface RelayDialerOptions {
  /** `null`: only nodes that listen on Unix sockets can be reached. */
  readonly tls: RelayTls | null;
  /** In the place of TLS and Unix sockets: a connection whose ends have proven themselves to each other, such as a simulated one. */
  readonly connect?: ConnectPeer | undefined;
  /** This node. */
  readonly node: NodeLife;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of payload bytes that have passed between the nodes, in either direction: `ReflectorOptions.carried`. */
  readonly carried?: ((bytes: number) => void) | undefined;
}

export interface RelayOpenOptions {
  /** `uid` of the user for whom it is. */
  readonly user?: string | undefined;
  /**
   * Asked once when the tunnel cannot be reached where it should be: where it is now, or `null`. Nothing of the channel has been
   * sent to the device before.
   */
  relocate(): Promise<Place | null>;
}

interface LinkEnd {
  readonly peer: Peer;
  readonly reason: string;
  /** By the clock. */
  readonly at: number;
  /** When the log was told of this reason. */
  readonly logged: number;
}

/** Channel numbers of WebTunnel, from 1. */
const mostNumbers = 0xffff;

/** The user's side of the relay: opens channels to devices whose tunnels end at other nodes. One connection a node, made when needed. */
export class RelayDialer {
  readonly #options: RelayDialerOptions;
  readonly #files: RelayTlsFiles | null;
  readonly #held: HeldBytes;
  readonly #links = new Map<string, PeerLink>();
  /** The last end of the link to a node. */
  readonly #ends = new Map<string, LinkEnd>();
  /** Channels by number, until the other node has let go of the number. */
  readonly #numbers = new Set<number>();
  readonly #perTunnel = new Map<string, number>();
  #lastNumber = 0;
  #closed = false;

  constructor(options: RelayDialerOptions) {
    const { tls, limits, clock } = options;
    this.#options = { ...options, clock: containTimers(clock, (error) => this.#failed(error)) };
    this.#files = tls && new RelayTlsFiles(tls);
    this.#held = new HeldBytes(limits.relayHeldBytes);
  }

  /**
   * Opens a channel to `port` (1 to 65535) of a device whose tunnel ends at `peer`; the contract is that of `OnlineDevice.open`.
   * Data is sent only when the device has connected. Throws `TunnelFull` at `limits.channelsPerTunnel` of this node, `TunnelLost`
   * once the dialer is closed, and `RangeError` for a target out of its bounds.
   */
  open(peer: Peer, target: RelayTarget, port: number, options: RelayOpenOptions): DeviceChannel {
    if (this.#closed) throw new TunnelLost();
    const { limits, clock } = this.#options;
    const key = `${target.generation} ${target.id}`;
    const count = this.#perTunnel.get(key) ?? 0;
    if (count >= limits.channelsPerTunnel || this.#numbers.size >= limits.relayChannels)
      throw new TunnelFull();
    const number = this.#takeNumber();
    this.#perTunnel.set(key, count + 1);
    const dialed = new DialedChannel({
      number,
      port,
      user: options.user,
      limits,
      clock,
      held: this.#held,
      relocate: () => options.relocate(),
      linkTo: (to) => this.#linkTo(to),
      released: () => {
        this.#numbers.delete(number);
        const left = (this.#perTunnel.get(key) ?? 1) - 1;
        if (left > 0) this.#perTunnel.set(key, left);
        else this.#perTunnel.delete(key);
      },
      faulty: (error) => this.#failed(error),
    });
    try {
      dialed.start({ peer, target });
    } catch (error) {
      dialed.channel.destroy();
      throw error;
    }
    return dialed.channel;
  }

  /** This life of a node is over: its connection ends, and the channels of it fail with `TunnelLost`. A later life is another one. */
  forget({ name, epoch }: NodeLife): void {
    const link = this.#links.get(name);
    if (link && link.peer.epoch <= epoch) link.end('the node is gone');
    const end = this.#ends.get(name);
    if (end && end.peer.epoch <= epoch) this.#ends.delete(name);
  }

  /** Ends all connections and their channels. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const link of [...this.#links.values()]) link.end('this node stops');
  }

  /** The link to a node, or why there is none at present. */
  #linkTo(peer: Peer): PeerLink | string {
    const { node, limits, clock, log, connect } = this.#options;
    if (this.#closed) return 'this node stops';
    const present = this.#links.get(peer.name);
    if (present) {
      if (present.peer.epoch === peer.epoch && present.peer.address === peer.address) return present;
      if (present.peer.epoch > peer.epoch) return `epoch ${peer.epoch} of the node has passed`;
      present.end('the node has started again');
    }
    const end = this.#ends.get(peer.name);
    const same = end?.peer.epoch === peer.epoch && end.peer.address === peer.address;
    if (end && same && clock.now() - end.at < limits.relayRetryMs) return end.reason;
    const link = new PeerLink({
      peer,
      node,
      tls: this.#files,
      connect,
      limits,
      clock,
      log,
      carried: (bytes) => this.#options.carried?.(bytes),
      lost: (lost, reason) => this.#lost(lost, reason),
      faulty: (error) => this.#failed(error),
    });
    this.#links.set(peer.name, link);
    return link;
  }

  #lost(link: PeerLink, reason: string): void {
    const { peer } = link;
    if (this.#links.get(peer.name) === link) this.#links.delete(peer.name);
    if (this.#closed) return;
    const { clock, limits, log } = this.#options;
    const before = this.#ends.get(peer.name);
    const at = clock.now();
    const known = before?.reason === reason && at - before.logged < limits.handshakeQuietMs;
    if (!known)
      log.warn({ peer: peer.name, address: peer.address, reason }, 'no connection to the relay of a node');
    this.#ends.set(peer.name, { peer, reason, at, logged: known ? before.logged : at });
  }

  /** In turn, so that a number rests for long before it is used again. */
  #takeNumber(): number {
    do this.#lastNumber = (this.#lastNumber % mostNumbers) + 1;
    while (this.#numbers.has(this.#lastNumber));
    this.#numbers.add(this.#lastNumber);
    return this.#lastNumber;
  }

  #failed(error: unknown): void {
    this.#options.log.error({ err: error }, 'the relay failed');
  }
}
