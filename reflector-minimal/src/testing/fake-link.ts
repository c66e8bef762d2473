import type { Cancellable } from 'rm-protocol';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { Channel, type ChannelLink } from '../tunnels/channel.ts';

/** A tunnel that only writes down what its channel asks for. */
export class FakeLink implements ChannelLink {
  readonly maxFrame: number;
  readonly window: number | null;
  readonly clock = new ManualClock();
  readonly sent: string[] = [];
  held = 0;
  free = false;

  constructor(maxFrame = 100, window: number | null = 400) {
    this.maxFrame = maxFrame;
    this.window = window;
  }

  open(): Channel {
    const channel = new Channel(this, 7, 80);
    channel.onConfirm();
    return channel;
  }

  afterLinger(run: () => void): Cancellable {
    return this.clock.schedule(1000, run);
  }

  ready(channel: Channel): void {
    while (
      channel.sendNext((_channel, pieces, length) => this.sent.push(`data ${length} in ${pieces.length}`))
    );
  }

  unready(): void {}

  sendClose(): void {
    this.sent.push('close');
  }

  sendCredit(_channel: Channel, bytes: number): void {
    this.sent.push(`credit ${bytes}`);
  }

  sendError(_channel: Channel, error: number): void {
    this.sent.push(`error ${error}`);
    this.free = true;
  }

  heldChanged(_channel: Channel, difference: number): void {
    this.held += difference;
  }

  finished(): void {
    this.free = true;
  }

  failed(error: unknown): void {
    throw error;
  }
}
