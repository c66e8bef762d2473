import type { Duplex } from 'node:stream';
import type { DeviceChannel } from '../ports/presence.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

/**
 * Joins the connections of a user and a device. Bytes and half-closes pass both ways with backpressure. When one is
 * destroyed before both of its directions have ended, so is the other. A user who goes away is noticed even while the
 * device takes nothing (`Uplink`). Both must have an `error` listener.
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
    // Ended in order: the other may still write what it has.
    if (!from.readableEnded || !from.writableFinished) to.destroy();
  });
}
