import type { Cancellable } from 'rm-protocol';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { ChannelError } from '../ports/channel-failure.ts';
import { Channel, type ChannelLink } from '../tunnels/channel.ts';

/** The device's end of one channel; one character a byte. */
export interface DeviceEnd {
  readonly channel: Channel;
  received: string;
  /** Our FIN has come. */
  ended: boolean;
  /** The error number with which the channel was ended by us. */
  error: number | null;
}

/** A tunnel whose device does what a test says; all within the same turn of the loop. */
export class ScriptedTunnel implements ChannelLink {
  readonly maxFrame = 65_536;
  readonly window = 262_144;
  readonly clock = new ManualClock();
  readonly ends: DeviceEnd[] = [];
  /** Whether a connection is taken now. */
  takes: (open: number) => boolean = () => true;
  /** Without, the device takes nothing of what is sent. */
  reads = true;

  /** Connections that neither side has ended. */
  get open(): number {
    return this.ends.filter(({ channel, error }) => error === null && !channel.closed).length;
  }

  readonly source = {
    open: (port: number): Channel => {
      const open = this.open;
      const channel = new Channel(this, this.ends.length + 1, port);
      this.ends.push({ channel, received: '', ended: false, error: null });
      process.nextTick(() => {
        if (this.takes(open)) channel.onConfirm();
        else channel.onError(ChannelError.refused);
      });
      return channel;
    },
  };

  respond(at: number, text: string): void {
    this.ends[at]?.channel.onData(Buffer.from(text, 'latin1'));
  }

  /** The device's FIN. */
  end(at: number): void {
    this.ends[at]?.channel.onClose();
  }

  reset(at: number): void {
    this.ends[at]?.channel.onError(ChannelError.socket);
  }

  // --- ChannelLink ---

  afterLinger(run: () => void): Cancellable {
    return this.clock.schedule(60_000, run);
  }

  ready(channel: Channel): void {
    const end = this.#endOf(channel);
    while (
      this.reads &&
      channel.sendNext((_channel, pieces) => {
        end.received += Buffer.concat(pieces).toString('latin1');
      })
    );
  }

  unready(): void {}

  failed(error: unknown): void {
    throw error;
  }

  sendClose(channel: Channel): void {
    this.#endOf(channel).ended = true;
  }

  sendCredit(): void {}

  sendError(channel: Channel, error: number): void {
    this.#endOf(channel).error = error;
  }

  heldChanged(): void {}

  finished(): void {}

  #endOf(channel: Channel): DeviceEnd {
    const end = this.ends.find((one) => one.channel === channel);
    if (!end) throw new Error('no such channel');
    return end;
  }
}
