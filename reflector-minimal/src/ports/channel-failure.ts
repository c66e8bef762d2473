import { ChannelError, type ChannelErrorCode, describeChannelError } from 'rm-protocol';

/** A channel could not be opened, or ended other than by a close in both directions. */
export class ChannelFailure extends Error {
  override readonly name = 'ChannelFailure';
  /** The number that came over the wire, or the one that we sent. */
  readonly error: number;
  /** While opening, the device may not even have been asked by TCP. */
  readonly stage: 'opening' | 'open';

  constructor(error: number, stage: 'opening' | 'open', message = describeChannelError(error)) {
    super(message);
    this.error = error;
    this.stage = stage;
  }
}

/** The tunnel of the channel has ended. */
export class TunnelLost extends Error {
  override readonly name: string = 'TunnelLost';

  constructor(message = 'the tunnel of the device has ended') {
    super(message);
  }
}

/** The tunnel was not where it should be, or its node cannot be reached: nothing of the channel has been sent to the device. */
export class TunnelUnreachable extends TunnelLost {
  override readonly name = 'TunnelUnreachable';
}

/** The tunnel carries as many channels as it may (`limits.channelsPerTunnel`). */
export class TunnelFull extends Error {
  override readonly name = 'TunnelFull';

  constructor() {
    super('too many connections to this device');
  }
}

export { ChannelError, type ChannelErrorCode };
