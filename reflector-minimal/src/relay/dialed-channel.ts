import { type Cancellable, type Clock, encodeBare, encodeCredit, encodeWord, Opcode } from 'rm-protocol';
import { Boundary } from '../boundary.ts';
import type { Limits } from '../limits.ts';
import { ChannelError, TunnelFull, TunnelLost, TunnelUnreachable } from '../ports/channel-failure.ts';
import { Channel, type ChannelLink } from '../tunnels/channel.ts';
import type { HeldBytes } from '../tunnels/held-bytes.ts';
import type { LinkedChannel, Peer, PeerLink } from './peer-link.ts';
import { encodeOpen, type RelayTarget, relayTerms, Unavailable } from './relay-frame.ts';

/** Where the tunnel of a device ends. */
export interface Place {
  readonly peer: Peer;
  readonly target: RelayTarget;
}

export interface DialedChannelOptions {
  /** Unique in this process, so that the channel keeps it when it goes to another node. */
  readonly number: number;
  readonly port: number;
  readonly user: string | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Of all channels of the dialer. */
  readonly held: HeldBytes;
  /** Where the tunnel is now, for one that was not where it should be. */
  relocate(): Promise<Place | null>;
  /** The link to a node, or why there is none at present. */
  linkTo(peer: Peer): PeerLink | string;
  /** The number is free. Called once. */
  released(): void;
  faulty(error: unknown): void;
}

/** A channel to a device of another node: asks there, once more elsewhere, and then carries bytes. */
export class DialedChannel implements ChannelLink, LinkedChannel {
  readonly maxFrame = relayTerms.maxFrame;
  readonly window = relayTerms.window;
  readonly grantBytes = relayTerms.grantBytes;
  readonly channel: Channel;
  readonly #options: DialedChannelOptions;
  readonly #openTimer: Cancellable;
  #request: Uint8Array | null = null;
  /** Where its open request has gone or is to go. */
  #link: PeerLink | null = null;
  /** Its open request has been sent; the other node answers it, whatever becomes of the channel. */
  #asked = false;
  #answered = false;
  #relocated = false;
  #released = false;

  constructor(options: DialedChannelOptions) {
    const { number, port, user, limits, clock } = options;
    this.#options = options;
    this.channel = new Channel(this, number, port, user ?? null);
    this.#openTimer = clock.schedule(limits.openMs, () =>
      this.channel.fail(ChannelError.timeout, 'the device has not answered the open request'),
    );
  }

  /** Throws `RangeError` for a target out of its bounds. */
  start({ peer, target }: Place): void {
    const { port, user } = this.#options;
    this.#request = encodeOpen(this.channel.number, { ...target, port, user });
    const link = this.#options.linkTo(peer);
    if (typeof link === 'string') {
      // Not before the caller has the channel.
      const boundary = new Boundary(() => this.channel.destroy(), this.#options.faulty);
      queueMicrotask(() => boundary.run(() => this.onLinkLost(link)));
      return;
    }
    this.#link = link;
    link.add(this);
  }

  // --- what the link tells ---

  linked(): void {
    if (!this.#request || !this.#link) return;
    this.#asked = true;
    this.#link.control(this.#request);
    this.#request = null;
  }

  onConfirm(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#openTimer.cancel();
    if (this.channel.destroyed) this.#release();
    else this.channel.onConfirm();
  }

  onRefused(error: number): void {
    if (this.#answered) return;
    this.#answered = true;
    if (this.channel.destroyed) this.#release();
    else this.channel.onError(error);
  }

  onUnavailable(why: number, reason: string): void {
    const opened = this.#answered;
    this.#answered = true;
    if (this.channel.destroyed) this.#release();
    else if (why === Unavailable.notHere && !opened) this.#goElsewhere(reason);
    else
      this.channel.onUnavailable(
        why === Unavailable.full ? new TunnelFull() : new TunnelLost(reason || undefined),
      );
  }

  onLinkLost(reason: string): void {
    const opened = this.channel.opened;
    this.#answered = true;
    if (this.channel.destroyed) this.#release();
    else if (opened) this.channel.onTunnelLost(reason);
    else this.#goElsewhere(reason);
  }

  // --- ChannelLink ---

  ready(channel: Channel): void {
    this.#link?.ready(channel);
  }

  unready(channel: Channel): void {
    this.#link?.unready(channel);
  }

  afterLinger(run: () => void): Cancellable {
    const { clock, limits } = this.#options;
    return clock.schedule(limits.lingerMs, run);
  }

  sendClose({ number }: Channel): void {
    this.#link?.control(encodeBare(Opcode.close, number));
  }

  sendCredit({ number }: Channel, bytes: number): void {
    this.#link?.control(encodeCredit(number, bytes));
  }

  sendError({ number }: Channel, error: number): void {
    this.#openTimer.cancel();
    if (this.#asked) this.#link?.control(encodeWord(Opcode.error, number, error));
    // The other node answers, and only then is the number free.
    if (!this.#asked || this.#answered) this.#release();
  }

  heldChanged(channel: Channel, difference: number): void {
    this.#options.held.changed(channel, difference);
    if (difference > 0)
      this.#options.held.relieve(ChannelError.timeout, 'its reader is slow, and too much waits for its user');
  }

  finished(): void {
    this.#release();
  }

  failed(error: unknown): void {
    this.#options.faulty(error);
  }

  // --- its place ---

  /** Nothing of it has reached the device. */
  #goElsewhere(reason: string): void {
    this.#link?.remove(this);
    this.#link = null;
    this.#asked = false;
    if (this.#relocated) {
      this.channel.onUnavailable(new TunnelUnreachable(reason || undefined));
      return;
    }
    this.#relocated = true;
    this.#relocate(reason).catch((error: unknown) => {
      this.#options.faulty(error);
      this.channel.onUnavailable(new TunnelUnreachable(reason || undefined));
    });
  }

  async #relocate(reason: string): Promise<void> {
    const place = await this.#options.relocate();
    if (this.channel.destroyed) return;
    this.#answered = false;
    if (place) this.start(place);
    else this.channel.onUnavailable(new TunnelUnreachable(reason || undefined));
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#openTimer.cancel();
    this.#link?.remove(this);
    this.#options.released();
  }
}
