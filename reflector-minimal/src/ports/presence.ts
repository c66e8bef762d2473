import type { Duplex } from 'node:stream';
import { type DeviceKey, StoreUnavailable } from './store.ts';
import type { TunnelEnd } from './tunnel-end.ts';

/*
 * Presence: where the tunnel of a device ends (in this process, at another node, nowhere), and channels to the device from
 * there. Today's adapter is `tunnels/local-presence.ts`; a cluster brings its own. The rules are in `docs/ports/presence.md`,
 * and `ports/conformance/presence.ts` checks them.
 */

/**
 * One TCP connection on the device. `end()` half-closes it, `destroy()` resets it. Emits `open` once the device has connected,
 * and `taken` when {@link untaken} may have changed.
 */
export interface DeviceChannel extends Duplex {
  /** The port on the device. */
  readonly port: number;
  /** The device has connected. */
  readonly opened: boolean;
  /** Bytes received that the reader has not taken. */
  readonly unread: number;
  /** Bytes taken from the writer that the tunnel has not sent. */
  readonly queued: number;
  /**
   * Bytes sent that the device has certainly not taken. What it may lack besides is not counted: up to half a window, more by
   * a relay (`docs/relay.md`), or anything where the device has no windows.
   */
  readonly untaken: number;
}

/** A device whose tunnel is up. The same object for as long as that tunnel lasts. */
export interface OnlineDevice extends DeviceKey {
  /** Name of the node where the tunnel ends; `null`: this process. */
  readonly node: string | null;
  /** Of the tunnel. */
  readonly generation: number;
  /** IP address that the device came from. */
  readonly address: string;
  /** What the device says of itself. A change makes a new object, without a prototype. */
  readonly properties: Readonly<Record<string, string>>;
  /** By which the device knows that this reflector says who asks; absent: it does not want to know. A secret. */
  readonly visitorKey?: string | undefined;
  /** Why the tunnel has ended; absent while it is up, and where this process does not know. */
  readonly end?: TunnelEnd | undefined;
  /**
   * Opens a TCP connection to `port` (1 to 65535) on the device. You may write to the channel at once. It emits `open`, or
   * fails within `limits.openMs` with `ChannelFailure`, or with `TunnelLost` when the tunnel ends.
   * `user`: `uid` of the user for whom it is. Throws `TunnelLost` when the tunnel has ended, and `TunnelFull` at
   * `limits.channelsPerTunnel`.
   */
  open(port: number, user?: string): DeviceChannel;
}

/** A tunnel that ends in this process. */
export interface LocalTunnel extends OnlineDevice {
  /** A tunnel of a higher generation has taken its place, here or at another node: it must end. Called once at most. */
  evict(): void;
}

/** A node was asked to end a tunnel, and has not said that it has. It does so once it can be reached. */
export class EndUnconfirmed extends StoreUnavailable {
  readonly node: string;

  constructor(node: string) {
    super('NODE', 'it has not said that it has ended a tunnel', `the node "${node}"`);
    this.node = node;
  }
}

export interface PresenceListener {
  /** A tunnel is up. It may take the place of another one, which then does not go. */
  came(device: OnlineDevice): void;
  /** The device has no tunnel any more. */
  went(device: OnlineDevice): void;
}

export interface Presence<Tunnel extends LocalTunnel = LocalTunnel> {
  /** The tunnels of this process by device id. */
  readonly local: ReadonlyMap<string, Tunnel>;

  /** How many devices are on line at other nodes; absent: there are no others. */
  readonly remoteCount?: number;

  /** False: devices are to come to other nodes at present, and `/healthz` says so. Absent or true otherwise. */
  readonly takesDevices?: boolean;

  /** A number above all that were given before, on any node. Take it once the device is authenticated. */
  nextGeneration(): number | Promise<number>;

  /**
   * A tunnel of this process is up. The highest generation of a device id wins, and every other tunnel of it is evicted. False:
   * this one has lost, and has been evicted before the call returns.
   */
  announce(tunnel: Tunnel): boolean;

  /** The tunnel has ended. False: it was no longer that of its device, so nothing changes. */
  withdraw(tunnel: Tunnel): boolean;

  /** Where this very device is; `null`: nowhere. Answers from memory, at most 2,000 ms behind the other nodes. */
  locate(device: DeviceKey): OnlineDevice | null;

  /** Devices on line on any node in the order of their ids, from behind `after`; at most `limit`. */
  list(after: string, limit: number): readonly OnlineDevice[];

  /** Tells what comes and goes from now on, after {@link locate} says so. The returned function ends it. */
  watch(listener: PresenceListener): () => void;

  /**
   * Asks the node where the tunnel of a device ends, if that is another one, to end it. False: no other node has one. Rejects with
   * `StoreUnavailable`. `untilEnded`: resolves once the tunnel has ended; rejects with {@link EndUnconfirmed} if it may last.
   */
  disconnect?(
    device: DeviceKey,
    end: TunnelEnd,
    options?: { readonly untilEnded?: boolean },
  ): Promise<boolean>;

  /** Called once at the end, when the tunnels of this process have ended and the store is still open; also when the start fails. */
  close?(): Promise<void>;
}
