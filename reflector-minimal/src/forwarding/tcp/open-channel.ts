import type { Duplex } from 'node:stream';
import type { Refusal } from '../../http/refusal.ts';
import type { DeviceChannel, OnlineDevice } from '../../ports/presence.ts';
import { refusalFor } from '../../refusals/of-failure.ts';

/**
 * Opens a connection to a port of a device for a user who waits on `socket`. Calls `opened` or `failed` once, unless the user
 * goes away first: then the channel goes as well.
 */
export function openChannel(
  device: Pick<OnlineDevice, 'open'>,
  port: number,
  socket: Duplex,
  { opened, failed }: { opened(channel: DeviceChannel): void; failed(refusal: Refusal): void },
): void {
  let channel: DeviceChannel;
  try {
    channel = device.open(port);
  } catch (error) {
    failed(refusalFor(error, port));
    return;
  }
  const abandon = () => channel.destroy();
  const fail = (error: Error) => {
    socket.off('close', abandon);
    failed(refusalFor(error, port));
  };
  socket.on('error', () => {});
  socket.once('close', abandon);
  channel.once('error', fail);
  channel.once('open', () => {
    socket.off('close', abandon);
    channel.off('error', fail);
    opened(channel);
  });
}
