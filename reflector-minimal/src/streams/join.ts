import type { Duplex } from 'node:stream';
import type { DeviceChannel } from '../ports/presence.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

/**
 * Makes one connection of a user's and a device's: bytes and half-closes pass both ways with backpressure; when one is
 * destroyed before both of its directions have ended, so is the other. A user who goes away is noticed also while the
 * device takes nothing (`Uplink`). Neither may be without an `error` listener.
 */
export function join(
  user: Duplex,
  channel: DeviceChannel,
  options: Pick<UplinkOptions, 'limits' | 'clock' | 'total'>,
): void {
  const uplink = new Uplink({ ...options, channel, source: user });
  user.on('data', (bytes: Buffer) => {
    if (!channel.destroyed && !channel.writableEnded) uplink.write(bytes);
  });
  user.on('end', () => uplink.end());
  channel.pipe(user);
  couple(user, channel);
  couple(channel, user);
}

function couple(from: Duplex, to: Duplex): void {
  from.on('close', () => {
    // Ended in order: what the other still has to write, it writes.
    if (!from.readableEnded || !from.writableFinished) to.destroy();
  });
}
